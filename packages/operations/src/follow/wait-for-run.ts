import { command, RunctlError } from '@runctl/core';
import { followRun, type FollowEnd, type FollowOptions } from './follow-run.ts';

/** How the newest launch ended. Errors: `run-active` when it still goes on after the time-out. */
export async function waitForRun(
  options: Omit<FollowOptions, 'withLog' | 'launch'> & { readonly timeoutMs: number | null },
): Promise<FollowEnd> {
  const { clock, signal, timeoutMs, run } = options;
  const over = new AbortController();
  const linked = AbortSignal.any([signal, over.signal]);
  const timer =
    timeoutMs === null
      ? null
      : clock.sleep(timeoutMs, linked).then(
          () => over.abort(),
          () => {},
        );
  try {
    const following = followRun({ ...options, withLog: false, signal: linked });
    for (let step = await following.next(); ; step = await following.next()) if (step.done === true) return step.value;
  } catch (error) {
    if (!over.signal.aborted || signal.aborted) throw error;
    throw new RunctlError('run-active', `${run} still goes on`, {
      hint: [command('status', run), ' shows how far it is'],
    });
  } finally {
    over.abort();
    await timer;
  }
}
