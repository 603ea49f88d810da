import { type Clock, isRunctlError, type Log, retry, silentLog } from '@runctl/core';
import { isStoreError, type ObjectStore } from '@runctl/store';
import { LeaseKeeper } from './lease-keeper.ts';
import type { LeasePolicy } from './lease-machine.ts';
import type { LeaseIdentity } from './lease-memory.ts';

export interface LeaseErrand {
  readonly store: ObjectStore;
  readonly run: string;
  readonly clock: Clock;
  readonly log?: Log;
  readonly policy: LeasePolicy;
  readonly owner: string;
  readonly launch: number;
  readonly nodes: number;
  readonly signal?: AbortSignal;
}

/** The right to publish, while an errand lasts. */
export interface HeldForErrand {
  readonly generation: number;
  /** Null once a renewal is overdue, or another has taken the lease. */
  readonly mayPublish: () => { readonly generation: number } | null;
}

/**
 * Takes the next generation of a run for as long as `work` lasts, for somebody who is no machine of the run: renews the
 * lease meanwhile and releases it afterwards. Null, without calling `work`, when another holds the lease. Of a lost lease
 * it takes `ttlMs` to know that. A bucket that is slow or does not answer is asked again, a few times. Rejects as the store
 * and `work` do.
 */
export async function whileHoldingLease<T>(
  errand: LeaseErrand,
  work: (held: HeldForErrand) => Promise<T>,
): Promise<T | null> {
  const { clock, launch, log = silentLog, nodes, owner, policy, signal } = errand;
  const keeper = new LeaseKeeper({ ...errand, log, memory: newMemory(), claim: { owner, launch, nodes } });
  // With one keeper for all tries, one that took effect and lost its answer is recognised by the next.
  const patience = {
    policy: { attempts: ATTEMPTS, baseMs: policy.retryMs, maxMs: policy.renewEveryMs },
    clock,
    retryable: isUnanswered,
    ...(signal === undefined ? {} : { signal }),
  };
  const generation = await retry(() => keeper.acquireUnlessHeld(signal), patience);
  if (generation === null) return null;
  const over = new AbortController();
  const renewing = keeper.run(over.signal, () => {});
  try {
    return await work({ generation, mayPublish: () => keeper.mayPublish() });
  } finally {
    over.abort(new Error('the errand is over'));
    await renewing;
    await retry(() => keeper.release(signal?.aborted === true ? undefined : signal), patience);
  }
}

const ATTEMPTS = 4;

function isUnanswered(error: unknown): boolean {
  return isStoreError(error, 'transient') || (isRunctlError(error) && error.code === 'cloud-unreachable');
}

/** For one errand: nobody goes on with it after this process. */
function newMemory() {
  let identity: LeaseIdentity | null = null;
  return {
    load: () => Promise.resolve(identity),
    save: (saved: LeaseIdentity) => Promise.resolve(void (identity = saved)),
  };
}
