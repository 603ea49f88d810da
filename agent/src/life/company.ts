import type { Clock, Log } from '@runctl/core';
import type { Timing } from '@runctl/protocol';
import type { StopBoard } from '../driver/stop-board.ts';
import type { ControlPoll } from '../endpoint/control-poll.ts';
import type { LifeState } from '../reporting/life-state.ts';
import type { Announcer } from './announcer.ts';
import type { InterruptionWatch } from './interruption-watch.ts';
import type { Limits } from './limits.ts';

export interface CompanyParts {
  readonly watch: Pick<InterruptionWatch, 'run'>;
  readonly wishes: Pick<ControlPoll, 'run'>;
  readonly limits: Pick<Limits, 'run'>;
  readonly announcer: Announcer;
}

/**
 * Looks after interruptions, wishes, limits and the heartbeat until the signal fires. None of them ends the agent. Never
 * rejects.
 */
export async function accompany(
  { announcer, limits, watch, wishes }: CompanyParts,
  signal: AbortSignal,
): Promise<void> {
  await announcer.open();
  await Promise.all([watch, wishes, announcer, limits].map((each) => each.run(signal)));
  await announcer.close();
}

export interface ShutdownParts {
  readonly life: LifeState;
  readonly stops: Pick<StopBoard, 'raise'>;
  readonly timing: Pick<Timing, 'shutdownMs'>;
  readonly clock: Clock;
  readonly log: Log;
}

/** Handles a shutdown without notice: an attempt is stopped and saved in little time; without one `leave` is called. */
export function respondToShutdown({ clock, life, log, stops, timing }: ShutdownParts, leave: () => void): void {
  log.warn({ phase: life.phase }, 'the machine is shutting down');
  if (life.phase === 'waiting' || life.phase === 'ended') return leave();
  stops.raise({ cause: 'machine-shutdown', haltAtMs: clock.monotonicMs() + timing.shutdownMs, graceMs: null });
}
