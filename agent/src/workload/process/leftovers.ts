import type { Clock } from '@runctl/core';
import type { WorkloadEnded } from '../supervisor/supervisor.ts';
import type { Members } from './members.ts';
import { READING_MS, type StopDelivery } from './stop-delivery.ts';

export interface LeftoverOptions {
  readonly clock: Clock;
  /** Time for the processes that an ended leader left behind. */
  readonly leftoverMs: number;
  /** What lives for this long after SIGKILL hangs in the kernel. */
  readonly unkillableMs: number;
  readonly signal: AbortSignal;
}

const POLL_MS = 50;

/**
 * Ends what the leader of a workload left behind: a moment to leave by itself, SIGTERM, and SIGKILL when its time is over.
 * While a stop is under way the time begins when those that could save have ended, and who may be saving after all is left
 * to whoever stops the workload. Resolves when none is left, or none that can be ended, with how many there were and which of
 * them did not leave by themselves. Rejects with the signal's reason only.
 */
export async function leftoversGone(
  { members, stop }: { readonly members: Members; readonly stop: StopDelivery },
  { clock, leftoverMs, signal, unkillableMs }: LeftoverOptions,
): Promise<Pick<WorkloadEnded, 'leftovers' | 'outlived' | 'unkillable'>> {
  let sinceMs: number | null = null;
  let most = 0;
  const outlived = new Map<number, string>();
  for (;;) {
    const leftovers = members.now();
    if (leftovers === null) members.signalGroup('SIGTERM');
    const isHopeless = members.areKilledFor(unkillableMs);
    if (leftovers === null || leftovers.length === 0 || isHopeless)
      return {
        leftovers: most,
        outlived: [...outlived].map(([pid, command]) => ({ pid, command })),
        unkillable: isHopeless ? members.survivors() : [],
      };
    most = Math.max(most, leftovers.length);
    if (stop.record === null || stop.firstAreGone) {
      sinceMs ??= clock.monotonicMs();
      if (clock.monotonicMs() - sinceMs >= READING_MS) {
        for (const each of leftovers) outlived.set(each.pid, members.commandOf(each));
        stop.sendOnce(leftovers);
      }
      if (clock.monotonicMs() - sinceMs >= leftoverMs)
        await (stop.record === null ? members.kill() : members.killHelpless());
    }
    await clock.sleep(POLL_MS, signal);
  }
}
