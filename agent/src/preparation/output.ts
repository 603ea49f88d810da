import type { OutputFolder } from '@runctl/checkpoint';
import { formatBytes, isRunctlError } from '@runctl/core';
import type { LifeState } from '../reporting/life-state.ts';

/** A new line changes the heartbeat: not with every part. */
const SHOWN_STEPS = 20;

/**
 * Puts back what the run kept of its output folder. An index that can't be used keeps no script from its start, and is told.
 * Rejects as the store does.
 */
export async function restoreOutput(
  { life, output }: { readonly life: LifeState; readonly output: Pick<OutputFolder, 'restore'> },
  signal: AbortSignal,
): Promise<void> {
  let shown = -1;
  const onProgress = ({ doneBytes, totalBytes }: { doneBytes: number; totalBytes: number }): void => {
    const step = Math.trunc((SHOWN_STEPS * doneBytes) / totalBytes);
    if (step === shown) return;
    shown = step;
    life.enter('preparing', `putting the output back (${formatBytes(doneBytes)} of ${formatBytes(totalBytes)})`);
  };
  try {
    for (const warning of await output.restore({ signal, onProgress })) life.warn(warning);
  } catch (error) {
    if (!isRunctlError(error)) throw error;
    life.warn(`the output of before is not put back: ${error.message}`);
  }
}
