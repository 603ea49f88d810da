import { type Clock, messageOf, RunctlError } from '@runctl/core';
import { isStoreError } from '@runctl/store';
import {
  absentLease,
  type Holder,
  type LeaseEffect,
  type LeaseEvent,
  type LeaseState,
  mayPublish,
  stepLease,
} from './lease-machine.ts';
import { LeaseRequests, type LeaseRequestsOptions } from './lease-requests.ts';

/**
 * Acquires, renews and releases a run's lease for one agent. Drives the state machine of `lease-machine.ts`: performs
 * its effects and turns their results into events. One keeper per agent; `acquire`, `tryAcquire` or `resume` comes
 * before `run`.
 */
export class LeaseKeeper {
  readonly #options: LeaseRequestsOptions;
  readonly #requests: LeaseRequests;
  #state: LeaseState = absentLease;
  #trouble: unknown = null;

  constructor(options: LeaseRequestsOptions) {
    this.#options = options;
    this.#requests = new LeaseRequests(options);
  }

  /**
   * Waits while another holds the lease, and resolves with the generation once this machine has it. Calls `onWait`
   * once for each holder that it waits for. Rejects with the signal's reason, and when waiting can't help (see
   * `isHopeless`).
   */
  async acquire(options: { readonly signal: AbortSignal; readonly onWait: (holder: Holder) => void }): Promise<number> {
    this.#beginAnew();
    try {
      return await this.#waitForLease(options.signal, options.onWait);
    } catch (error) {
      this.#dispatch({ type: 'release' });
      throw error;
    }
  }

  /**
   * Tries once. Resolves with the generation, or with null when another holds the lease or may hold it (`isLost`).
   * Rejects as the store does, and when it takes too long to answer.
   */
  async tryAcquire(signal?: AbortSignal): Promise<number | null> {
    this.#beginAnew();
    this.#dispatch({ type: 'want' });
    try {
      // A slow disk may have made a renewal due already, and nothing else would ask for it.
      await this.#perform(this.#dispatch(await this.#requests.tryOnce(signal)), signal ?? new AbortController().signal);
    } catch (error) {
      this.#dispatch({ type: 'release' });
      throw error;
    }
    if (this.#state.phase === 'held' || this.#state.phase === 'doubtful') return this.#state.lease.generation;
    this.#dispatch({ type: 'release' });
    return null;
  }

  /** As `tryAcquire`, but tries again while the lease document is lost: null means that another holds the lease. */
  async acquireUnlessHeld(signal?: AbortSignal): Promise<number | null> {
    const { clock, policy } = this.#options;
    for (;;) {
      const generation = await this.tryAcquire(signal);
      if (generation !== null || !this.isLost) return generation;
      await clock.sleep(policy.retryMs, signal);
    }
  }

  /**
   * Makes this agent the holder that an earlier agent on this machine was, from memory and without a request. Resolves
   * with that generation, in doubt until the next renewal, or with null when this machine never held the lease.
   */
  async resume(): Promise<number | null> {
    const holder = await this.#requests.recall();
    if (holder === null) return null;
    this.#beginAnew();
    this.#dispatch({ type: 'resume', lease: { ...holder, written: null } });
    return holder.generation;
  }

  /**
   * Renews until the signal fires, or the lease is lost or released; then resolves. Calls `onFenced` at most once,
   * when the lease is no longer this machine's, with the new holder or with null where nobody is named.
   */
  async run(signal: AbortSignal, onFenced: (by: Holder | null) => void): Promise<void> {
    try {
      await this.#keepRenewing(signal, onFenced);
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  /** The generation in which this machine may publish now; null while it is in doubt, or not the holder. */
  mayPublish(): { readonly generation: number } | null {
    const { clock, policy } = this.#options;
    const generation = mayPublish(this.#state, clock.monotonicMs(), policy);
    return generation === null ? null : { generation };
  }

  /** Whether the last request found the lease document lost: absent or damaged, in a run that has had holders. */
  get isLost(): boolean {
    return this.#requests.foundLost;
  }

  /** The error of the last try or renewal within `acquire` and `run`; null when the bucket answered it. */
  trouble(): unknown {
    return this.#trouble;
  }

  /** The lease's state for the heartbeat: `held` only while this machine may publish. */
  view(): { readonly state: string; readonly generation: number | null; readonly renewedAgoMs: number | null } {
    const { clock, policy } = this.#options;
    const state = this.#state;
    if (state.phase === 'held' || state.phase === 'doubtful') {
      const nowMs = clock.monotonicMs();
      return {
        state: mayPublish(state, nowMs, policy) === null ? 'doubtful' : 'held',
        generation: state.lease.generation,
        renewedAgoMs: Number.isFinite(state.renewedAtMs) ? nowMs - state.renewedAtMs : null,
      };
    }
    if (state.phase === 'lost') return { state: 'lost', generation: state.generation, renewedAgoMs: null };
    const generation = state.phase === 'released' ? state.lease.generation : null;
    return { state: state.phase, generation, renewedAgoMs: null };
  }

  /**
   * Gives the lease up: nothing may be published from now on, even when this rejects, as the store does. Another call
   * tries again. A lease that another holder has by now is left alone.
   */
  async release(signal?: AbortSignal): Promise<void> {
    const again = this.#state.phase === 'released' && !this.#state.confirmed;
    const effects = this.#dispatch({ type: again ? 'tick' : 'release' });
    const wanted = effects.find((effect) => effect.type === 'release');
    if (wanted === undefined) return;
    try {
      await this.#requests.release(wanted.lease, signal);
      this.#dispatch({ type: 'release-settled' });
    } catch (error) {
      this.#dispatch({ type: 'unanswered' });
      throw error;
    }
  }

  async #waitForLease(signal: AbortSignal, onWait: (holder: Holder) => void): Promise<number> {
    const { clock } = this.#options;
    let reportedHolder: Holder | null = null;
    let effects = this.#dispatch({ type: 'want' });
    for (;;) {
      signal.throwIfAborted();
      effects = await this.#perform(effects, signal);
      const state = this.#state;
      if (state.phase === 'held' || state.phase === 'doubtful') return state.lease.generation;
      if (state.phase === 'lost') {
        // The answer to a successful try came so late that another holder has taken over: wait for that one.
        this.#beginAnew();
        effects = this.#dispatch({ type: 'want' });
        continue;
      }
      if (state.phase !== 'waiting') throw new Error(`the lease is ${state.phase} while it is waited for`);
      if (state.holder !== null && !sameHolder(state.holder, reportedHolder)) {
        reportedHolder = state.holder;
        onWait(reportedHolder);
      }
      await clock.sleep(wakeMs(effects, clock), signal);
      effects = this.#dispatch({ type: 'tick' });
    }
  }

  async #keepRenewing(signal: AbortSignal, onFenced: (by: Holder | null) => void): Promise<void> {
    const { clock } = this.#options;
    let effects = this.#dispatch({ type: 'tick' });
    while (!signal.aborted && (this.#state.phase === 'held' || this.#state.phase === 'doubtful')) {
      effects = await this.#perform(effects, signal);
      const fence = effects.find((effect) => effect.type === 'fence');
      if (fence !== undefined) {
        onFenced(fence.by);
        return;
      }
      await clock.sleep(wakeMs(effects, clock), signal);
      effects = this.#dispatch({ type: 'tick' });
    }
  }

  /** Performs tries and renewals until the state machine asks for no more. Resolves with its wakes and fences. */
  async #perform(effects: readonly LeaseEffect[], signal: AbortSignal): Promise<readonly LeaseEffect[]> {
    let due = effects;
    for (let work = due.find(isWork); work !== undefined; work = due.find(isWork))
      due = this.#dispatch(await this.#attempt(work, signal));
    return due;
  }

  /** Performs one try or renewal. A failure becomes `unanswered`, unless the signal fired or waiting can't help. */
  async #attempt(work: Work, signal: AbortSignal): Promise<LeaseEvent> {
    try {
      const event =
        work.type === 'try' ? await this.#requests.tryOnce(signal) : await this.#requests.renewOnce(work.lease, signal);
      this.#trouble = null;
      return event;
    } catch (error) {
      this.#trouble = error;
      if (signal.aborted) this.#dispatch({ type: 'unanswered' });
      signal.throwIfAborted();
      if (work.type === 'try' && isHopeless(error)) throw error;
      this.#options.log.warn({ run: this.#options.run, error: messageOf(error) }, `the lease: ${work.type} unanswered`);
      return { type: 'unanswered' };
    }
  }

  /** Starts a new state machine after a final state. */
  #beginAnew(): void {
    if (this.#state.phase === 'lost' || this.#state.phase === 'released') this.#state = absentLease;
  }

  #dispatch(event: LeaseEvent): readonly LeaseEffect[] {
    const before = this.#state.phase;
    const { state, effects } = stepLease(this.#state, event, this.#options.clock.monotonicMs(), this.#options.policy);
    this.#state = state;
    if (state.phase !== before) {
      this.#options.log.info({ run: this.#options.run, ...this.view() }, `the lease is ${state.phase}`);
    }
    return effects;
  }
}

type Work = Extract<LeaseEffect, { type: 'try' | 'renew' }>;

function isWork(effect: LeaseEffect): effect is Work {
  return effect.type === 'try' || effect.type === 'renew';
}

/** Whether waiting can't help: wrong bucket, no permission, or a lease that this build can't read. */
function isHopeless(error: unknown): boolean {
  return isStoreError(error, 'denied', 'bucket-missing', 'permanent') || error instanceof RunctlError;
}

function sameHolder(a: Holder, b: Holder | null): boolean {
  return a.owner === b?.owner && a.generation === b.generation;
}

function wakeMs(effects: readonly LeaseEffect[], clock: Clock): number {
  const wakes = effects.flatMap((effect) => (effect.type === 'wake' ? [effect.atMs] : []));
  return Math.max(0, Math.min(...wakes) - clock.monotonicMs());
}
