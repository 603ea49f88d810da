import { messageOf } from '@runctl/core';
import { downloadAccount } from '../preparation/download-account.ts';
import { bringCode } from '../preparation/prepare.ts';
import type { LifeContext } from './attempt-context.ts';
import { endOfLaunch } from './beside-attempt.ts';

export interface StandByOptions {
  /** Called with each holder that is waited for. */
  readonly onWait: () => void;
  readonly signal: AbortSignal;
}

/**
 * Waits for the lease, and fetches code and checkpoint in the time. The generation; null when the launch ended meanwhile;
 * `superfluous` when one holder renewed for so long that the wait is paid for nothing: a launch that wants one machine and
 * has two starts no other for the one that goes. Rejects with the signal's reason, and as `LeaseKeeper.acquire` does.
 */
export async function standBy(context: LifeContext, options: StandByOptions): Promise<number | 'superfluous' | null> {
  const { checkpoints, lease, life, ports } = context;
  const over = new AbortController();
  const signal = AbortSignal.any([options.signal, over.signal]);
  let ended: 'superfluous' | null = null;
  let sinceMs = Number.POSITIVE_INFINITY;
  const watching = Promise.all([
    endOfLaunch(context, signal).then(() => over.abort()),
    untilSuperfluous(context, { sinceMs: () => sinceMs, signal }).then((isSo) => {
      if (isSo) ended = 'superfluous';
      return over.abort();
    }),
  ]);
  life.enter('waiting', 'waiting for the lease');
  let fetching: Promise<unknown> = Promise.resolve();
  const onWait = ({ owner }: { readonly owner: string }): void => {
    options.onWait();
    sinceMs = ports.clock.monotonicMs();
    const waiting = `waiting for the lease that ${owner} holds`;
    life.enter('waiting', waiting);
    const onProgress = downloadAccount(ports.clock, (text) => {
      if (life.phase === 'waiting') life.enter('waiting', `${waiting}; ${text}`);
    });
    checkpoints.prefetch({ signal: options.signal, onProgress });
    // One after the other: each writes to the same place.
    fetching = fetching.then(() => bringCode(context, signal).catch(() => {}));
  };
  try {
    return await lease.acquire({ signal, onWait });
  } catch (error) {
    if (over.signal.aborted && !options.signal.aborted) return ended;
    throw error;
  } finally {
    over.abort();
    await Promise.all([watching, fetching]).catch((error: unknown) =>
      ports.log.warn({ error: messageOf(error) }, 'while waiting for the lease'),
    );
  }
}

/** False when the signal fires first. */
async function untilSuperfluous(
  { facts, lease, ports }: LifeContext,
  { sinceMs, signal }: { readonly sinceMs: () => number; readonly signal: AbortSignal },
): Promise<boolean> {
  const { standByMs, standByPollMs } = facts.spec.timing;
  while (!signal.aborted) {
    await ports.clock.sleep(standByPollMs, signal).catch(() => {});
    const isLong = ports.clock.monotonicMs() - sinceMs() >= standByMs;
    // While the bucket does not answer nobody knows whether the holder lives.
    if (!signal.aborted && isLong && lease.trouble() === null) return true;
  }
  return false;
}
