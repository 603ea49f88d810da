import type { Clock, Log } from '@runctl/core';
import type { Timing } from '@runctl/protocol';
import type { StopBoard } from '../driver/stop-board.ts';
import type { LifeState } from '../reporting/life-state.ts';
import type { Supervisor } from '../workload/supervisor/supervisor.ts';
import type { InterruptionWatch } from './interruption-watch.ts';

export interface OutliveParts {
  readonly supervisor: Pick<Supervisor, 'forget'>;
  readonly watch: Pick<InterruptionWatch, 'outliveNotice'>;
  readonly stops: Pick<StopBoard, 'withdraw'>;
  readonly life: LifeState;
  readonly timing: Pick<Timing, 'restMs' | 'survivalMs'>;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Sleeps until `untilMs` (wall time), well past the deadline: a machine that still runs then was spared. The journal keeps
 * `restUntil` until a generation begins here, so that a restarted agent, too, tries for the lease once and does not wait
 * for it. Rejects with the signal's reason.
 */
export async function outliveInterruption(
  { clock, life, log, stops, supervisor, timing, watch }: OutliveParts,
  untilMs: number,
  signal: AbortSignal,
): Promise<void> {
  await supervisor.forget();
  // A wall clock that was set back meanwhile makes the rest no longer.
  await clock.sleep(Math.min(untilMs - clock.wallMs(), timing.restMs + timing.survivalMs), signal);
  log.warn({}, 'the machine outlived its deadline; trying for the lease again');
  await watch.outliveNotice();
  stops.withdraw('notice');
  // The fence was for the generation that was lost meanwhile, not for the one that may begin now.
  stops.withdraw('fenced');
  life.notice = null;
}
