import type { FollowEvent } from '@runctl/protocol/events';
import type { FirstBoot } from './first-boot.ts';
import { followRun, type FollowEnd, type FollowOptions } from './follow-run.ts';

/** A provider shows what it has made after seconds; who lets go of a launch waits for its first machine no longer. */
const SHOWN_WITHIN_MS = 30_000;

/**
 * `heard`: an agent has spoken. `no-machine`: there is none yet, which may take days, and nobody watches it from now on.
 * `ended`: the launch is over before an agent spoke, with its outcome where somebody wrote one.
 */
export type FirstBootEnd =
  { readonly kind: 'heard' | 'no-machine' } | { readonly kind: 'ended'; readonly outcome: FollowEnd };

/** Watches a launch until its first agent has spoken. Errors: as `followRun`. */
export async function* watchFirstBoot(
  options: Omit<FollowOptions, 'withLog' | 'firstBoot'> & { readonly firstBoot: FirstBoot },
): AsyncGenerator<FollowEvent, FirstBootEnd> {
  const { clock, signal, firstBoot } = options;
  const over = new AbortController();
  const waitForMachine = async (): Promise<void> => {
    await clock.sleep(SHOWN_WITHIN_MS, over.signal);
    if (!firstBoot.hasMachine) over.abort(new Error('there is no machine yet'));
  };
  const waiting = waitForMachine().catch(() => {});
  try {
    const following = followRun({ ...options, withLog: false, signal: AbortSignal.any([signal, over.signal]) });
    for (;;) {
      const step = await following.next();
      if (step.done === true) return { kind: 'ended', outcome: step.value };
      yield step.value;
      if (firstBoot.isHeard) return { kind: 'heard' };
    }
  } catch (error) {
    // Another error of the same moment says more than that there is no machine.
    if (!over.signal.aborted || error !== over.signal.reason) throw error;
    return { kind: 'no-machine' };
  } finally {
    over.abort();
    await waiting;
  }
}
