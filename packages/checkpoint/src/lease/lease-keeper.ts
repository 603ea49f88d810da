import { type Clock, type Log, messageOf, newNonce, RunctlError } from '@runctl/core';
import { isStoreError, type ObjectStore } from '@runctl/store';
import {
  absentLease,
  type HeldLease,
  type Holder,
  type LeaseEffect,
  type LeaseEvent,
  type LeasePolicy,
  type LeaseState,
  mayPublish,
  stepLease,
} from './lease-machine.ts';
import type { LeaseIdentity, LeaseMemory } from './lease-memory.ts';
import type { LeaseAccess } from './lease-document.ts';
import { type LeaseClaim, type OwnLease, releaseLease, renewLease, tryAcquireLease } from './lease-passes.ts';

export interface LeaseKeeperOptions {
  /** A store without retries: the keeper itself repeats calls, and knows for how long that makes sense. */
  readonly store: ObjectStore;
  readonly run: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly policy: LeasePolicy;
  readonly memory: LeaseMemory;
  readonly claim: Omit<LeaseClaim, 'nonce' | 'ttlMs'>;
}

/**
 * Acquires, renews and releases a run's lease for one agent. Drives the state machine of `lease-machine.ts`: performs
 * its effects and turns their results into events. One keeper per agent; `acquire`, `tryAcquire` or `resume` comes
 * before `run`.
 */
export class LeaseKeeper {
  readonly #options: LeaseKeeperOptions;
  readonly #access: LeaseAccess;
  #state: LeaseState = absentLease;
  #nonce: string | null = null;
  #trouble: unknown = null;
  /** When a try first found the lease lost, see `isLost` (monotonic); null when the last try did not. */
  #lostSinceMs: number | null = null;

  constructor(options: LeaseKeeperOptions) {
    this.#options = options;
    this.#access = options;
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
      await this.#perform(this.#dispatch(await this.#tryOnce(signal)), signal ?? new AbortController().signal);
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
    const identity = await this.#options.memory.load();
    if (identity === null || identity.generation === null) return null;
    this.#nonce = identity.nonce;
    this.#beginAnew();
    this.#dispatch({
      type: 'resume',
      lease: { nonce: identity.nonce, generation: identity.generation, written: null },
    });
    return identity.generation;
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

  /** Whether the last try found the lease document lost: absent or damaged, in a run that has had holders. */
  get isLost(): boolean {
    return this.#lostSinceMs !== null;
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
      await releaseLease(this.#access, this.#own(wanted.lease), { signal });
      this.#dispatch({ type: 'release-settled' });
    } catch (error) {
      this.#dispatch({ type: 'unanswered' });
      throw error;
    }
  }

  async #waitForLease(signal: AbortSignal, onWait: (holder: Holder) => void): Promise<number> {
    const { clock } = this.#options;
    let told: Holder | null = null;
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
      if (state.holder !== null && !sameHolder(state.holder, told)) {
        told = state.holder;
        onWait(told);
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
    let left = effects;
    for (let work = left.find(isWork); work !== undefined; work = left.find(isWork)) {
      const event = await this.#attempt(work, signal);
      left = this.#dispatch(event);
    }
    return left;
  }

  /** Performs one try or renewal. A failure becomes `unanswered`, unless the signal fired or waiting can't help. */
  async #attempt(work: Work, signal: AbortSignal): Promise<LeaseEvent> {
    try {
      const event = work.type === 'try' ? await this.#tryOnce(signal) : await this.#renewOnce(work.lease, signal);
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

  async #tryOnce(signal: AbortSignal | undefined): Promise<LeaseEvent> {
    const nonce = await this.#ownNonce();
    const { clock } = this.#options;
    const lostSinceMs = this.#lostSinceMs;
    const lostForMs = lostSinceMs === null ? 0 : clock.monotonicMs() - lostSinceMs;
    // A try without an answer says nothing about the time between: the loss counts anew from the next answer.
    this.#lostSinceMs = null;
    const outcome = await this.#timed(signal, (signal) =>
      tryAcquireLease(this.#access, { ...this.#claim, nonce }, { signal, lostForMs }),
    );
    const isLost = outcome.type === 'refused' && outcome.holder === null;
    this.#lostSinceMs = isLost ? (lostSinceMs ?? clock.monotonicMs()) : null;
    if (outcome.type === 'acquired') {
      await this.#remember({ nonce, generation: outcome.lease.generation });
    }
    return outcome;
  }

  /**
   * A full disk must not keep a machine from the lease that it has won: it would win it again and again, and nobody else
   * could. The nonce is on disk already, so that a restarted agent wins the same generation.
   */
  async #remember(identity: LeaseIdentity): Promise<void> {
    try {
      await this.#options.memory.save(identity);
    } catch (error) {
      this.#options.log.error(
        { run: this.#options.run, error: messageOf(error) },
        'the lease is not written to the disk',
      );
    }
  }

  #renewOnce(lease: HeldLease, signal: AbortSignal): Promise<LeaseEvent> {
    return this.#timed(signal, (signal) => renewLease(this.#access, this.#own(lease), { signal }));
  }

  get #claim(): OwnLease['claim'] {
    return { ...this.#options.claim, ttlMs: this.#options.policy.ttlMs };
  }

  #own(lease: HeldLease): OwnLease {
    return { lease, claim: this.#claim };
  }

  /** Aborts work that takes so long that a new request is more likely to be answered. */
  async #timed<T>(outer: AbortSignal | undefined, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { clock, policy } = this.#options;
    const stop = new AbortController();
    const done = new AbortController();
    const signal = outer === undefined ? stop.signal : AbortSignal.any([outer, stop.signal]);
    clock.sleep((policy.renewEveryMs * 2) / 3, done.signal).then(
      () => stop.abort(new RunctlError('cloud-unreachable', 'the bucket took too long to answer')),
      () => {},
    );
    try {
      return await work(signal);
    } finally {
      done.abort(answered);
    }
  }

  /** This machine's nonce. It is on disk before the store may see it, so that a restarted agent is the same holder. */
  async #ownNonce(): Promise<string> {
    if (this.#nonce !== null) return this.#nonce;
    const identity = (await this.#options.memory.load()) ?? { nonce: newNonce(), generation: null };
    await this.#options.memory.save(identity);
    this.#nonce = identity.nonce;
    return identity.nonce;
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

/** One shared reason: without it each renewal would create a DOMException with its stack trace. */
const answered = new Error('answered');

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
