import type { LeaseKeeper } from '@runctl/checkpoint';
import { type Clock, type Log, messageOf } from '@runctl/core';
import type { Timing } from '@runctl/protocol';
import type { Checkpoints } from '../checkpoints/checkpoint-port.ts';
import { downloadAccount } from '../preparation/download-account.ts';
import type { LifeState } from '../reporting/life-state.ts';

export interface StandByParts {
  readonly lease: Pick<LeaseKeeper, 'acquire' | 'trouble'>;
  readonly checkpoints: Pick<Checkpoints, 'prefetch'>;
  readonly bringCode: (signal: AbortSignal) => Promise<void>;
  /** Resolves once the launch has ended, or when the signal fires. Never rejects. */
  readonly endOfLaunch: (signal: AbortSignal) => Promise<void>;
  readonly life: LifeState;
  readonly timing: Pick<Timing, 'standByMs' | 'standByPollMs'>;
  readonly clock: Clock;
  readonly log: Log;
}

export interface StandByOptions {
  /** Called with each holder that is waited for. */
  readonly onWait: () => void;
  readonly signal: AbortSignal;
}

/**
 * Waits for the lease, and fetches code and checkpoint in the time. Resolves with the generation; with null when the launch
 * ended meanwhile; with `superfluous` when one holder renewed for so long that the wait is paid for nothing: a launch that
 * wants one machine and has two starts no other for the one that goes. Rejects with the signal's reason, and as
 * `LeaseKeeper.acquire` does.
 */
export async function standBy(parts: StandByParts, options: StandByOptions): Promise<number | 'superfluous' | null> {
  const { lease, life, log } = parts;
  const over = new AbortController();
  const signal = AbortSignal.any([options.signal, over.signal]);
  let ended: 'superfluous' | null = null;
  let sinceMs = Number.POSITIVE_INFINITY;
  const watching = Promise.all([
    parts.endOfLaunch(signal).then(() => over.abort()),
    untilSuperfluous(parts, { sinceMs: () => sinceMs, signal }).then((isSo) => {
      if (isSo) ended = 'superfluous';
      return over.abort();
    }),
  ]);
  life.enter('waiting', 'waiting for the lease');
  let fetching: Promise<unknown> = Promise.resolve();
  const onWait = ({ owner }: { readonly owner: string }): void => {
    options.onWait();
    sinceMs = parts.clock.monotonicMs();
    prefetchCheckpoint(parts, `waiting for the lease that ${owner} holds`, options.signal);
    // One after the other: each writes to the same place.
    fetching = fetching.then(() => parts.bringCode(signal).catch(() => {}));
  };
  try {
    return await lease.acquire({ signal, onWait });
  } catch (error) {
    if (over.signal.aborted && !options.signal.aborted) return ended;
    throw error;
  } finally {
    over.abort();
    await Promise.all([watching, fetching]).catch((error: unknown) =>
      log.warn({ error: messageOf(error) }, 'while waiting for the lease'),
    );
  }
}

/** Shows how far the download is beside what is waited for, for as long as it is waited for. */
function prefetchCheckpoint({ checkpoints, clock, life }: StandByParts, waiting: string, signal: AbortSignal): void {
  life.enter('waiting', waiting);
  const onProgress = downloadAccount(clock, (text) => {
    if (life.phase === 'waiting') life.enter('waiting', `${waiting}; ${text}`);
  });
  checkpoints.prefetch({ signal, onProgress });
}

/** False when the signal fires first. */
async function untilSuperfluous(
  { clock, lease, timing }: StandByParts,
  { sinceMs, signal }: { readonly sinceMs: () => number; readonly signal: AbortSignal },
): Promise<boolean> {
  const { standByMs, standByPollMs } = timing;
  while (!signal.aborted) {
    await clock.sleep(standByPollMs, signal).catch(() => {});
    const isLong = clock.monotonicMs() - sinceMs() >= standByMs;
    // While the bucket does not answer nobody knows whether the holder lives.
    if (!signal.aborted && isLong && lease.trouble() === null) return true;
  }
  return false;
}
