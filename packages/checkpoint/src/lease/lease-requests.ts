import { type Clock, type Log, messageOf, newNonce, RunctlError } from '@runctl/core';
import type { ObjectStore } from '@runctl/store';
import type { HeldLease, LeasePolicy } from './lease-machine.ts';
import type { LeaseIdentity, LeaseMemory } from './lease-memory.ts';
import {
  type AcquireOutcome,
  type LeaseClaim,
  type LossFacts,
  type OwnLease,
  releaseLease,
  type RenewOutcome,
  renewLease,
  tryAcquireLease,
} from './lease-passes.ts';

export interface LeaseRequestsOptions {
  /** A store without retries: whoever asks repeats calls, and knows for how long that makes sense. */
  readonly store: ObjectStore;
  readonly run: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly policy: LeasePolicy;
  readonly memory: LeaseMemory;
  readonly claim: Omit<LeaseClaim, 'nonce' | 'ttlMs'>;
}

/**
 * Sends one machine's requests about a lease, each bounded in time, and keeps the facts that the next one builds upon: the
 * machine's nonce, when it last wrote the lease, and since when it has found the lease lost. One request at a time.
 */
export class LeaseRequests {
  readonly #options: LeaseRequestsOptions;
  #nonce: string | null = null;
  /** When the last good write was sent (monotonic); null when none is known, as after a restart. */
  #writtenAtMs: number | null = null;
  /** When a request first found the lease lost (monotonic); null when the last one did not. */
  #lostSinceMs: number | null = null;

  constructor(options: LeaseRequestsOptions) {
    this.#options = options;
  }

  /** Whether the last request found the lease document lost: absent or damaged, in a run that has had holders. */
  get foundLost(): boolean {
    return this.#lostSinceMs !== null;
  }

  /** The holder that an earlier agent on this machine was; null when this machine never held the lease. */
  async recall(): Promise<{ readonly nonce: string; readonly generation: number } | null> {
    const identity = await this.#options.memory.load();
    if (identity === null || identity.generation === null) return null;
    this.#nonce = identity.nonce;
    return { nonce: identity.nonce, generation: identity.generation };
  }

  /** Tries to take the lease once. Rejects as `tryAcquireLease` does, and when it takes too long to answer. */
  async tryOnce(signal: AbortSignal | undefined): Promise<AcquireOutcome> {
    const nonce = await this.#ownNonce();
    const outcome = await this.#watchingLoss(({ lostForMs }) =>
      this.#timed(signal, (signal) => tryAcquireLease(this.#options, { ...this.#claim, nonce }, { signal, lostForMs })),
    );
    if (outcome.type === 'acquired') await this.#remember({ nonce, generation: outcome.lease.generation });
    return outcome;
  }

  /** Renews once. Rejects as `renewLease` does, and when it takes too long to answer. */
  async renewOnce(lease: HeldLease, signal: AbortSignal): Promise<RenewOutcome> {
    return this.#watchingLoss((loss) =>
      this.#timed(signal, (signal) => renewLease(this.#options, this.#own(lease), { signal, loss })),
    );
  }

  /** Releases once. Rejects as `releaseLease` does. */
  async release(lease: HeldLease, signal: AbortSignal | undefined): Promise<void> {
    await releaseLease(this.#options, this.#own(lease), { signal, loss: this.#loss() });
  }

  #loss(): LossFacts {
    const nowMs = this.#options.clock.monotonicMs();
    return {
      lostForMs: this.#lostSinceMs === null ? 0 : nowMs - this.#lostSinceMs,
      sinceWrittenMs: this.#writtenAtMs === null ? Infinity : nowMs - this.#writtenAtMs,
    };
  }

  async #watchingLoss<T extends AcquireOutcome | RenewOutcome>(ask: (loss: LossFacts) => Promise<T>): Promise<T> {
    const lostSinceMs = this.#lostSinceMs;
    const loss = this.#loss();
    // A request without an answer says nothing about the time between: the loss counts anew from the next answer.
    this.#lostSinceMs = null;
    const outcome = await ask(loss);
    if (outcome.type === 'refused' && outcome.holder === null)
      this.#lostSinceMs = lostSinceMs ?? this.#options.clock.monotonicMs();
    if (outcome.type === 'acquired' || outcome.type === 'renewed') this.#writtenAtMs = outcome.sentAtMs;
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
}

/** One shared reason: without it each renewal would create a DOMException with its stack trace. */
const answered = new Error('answered');
