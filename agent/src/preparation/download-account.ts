import type { RestoreProgress } from '@runctl/checkpoint';
import { type Clock, formatBytes } from '@runctl/core';

/** A new line changes the heartbeat: not with every part. */
const SHOW_EVERY_MS = 1000;

/**
 * Tells people now and then how far a download is: `downloading checkpoint 12,000 (1.2 GiB of 4.0 GiB)`, and in the end
 * `downloaded …`.
 */
export function downloadAccount(clock: Clock, show: (text: string) => void): (progress: RestoreProgress) => void {
  let shownMs = Number.NEGATIVE_INFINITY;
  return ({ doneBytes, totalBytes, step }) => {
    const nowMs = clock.monotonicMs();
    const isDone = doneBytes >= totalBytes;
    if (!isDone && nowMs - shownMs < SHOW_EVERY_MS) return;
    shownMs = nowMs;
    const which = step === null ? 'checkpoint' : `checkpoint ${step.toLocaleString('en-US')}`;
    show(
      isDone
        ? `downloaded ${which} (${formatBytes(totalBytes)})`
        : `downloading ${which} (${formatBytes(doneBytes)} of ${formatBytes(totalBytes)})`,
    );
  };
}
