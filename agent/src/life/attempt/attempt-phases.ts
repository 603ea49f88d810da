import type { AttemptState } from '../../lifecycle/model.ts';
import type { LifeState } from '../../reporting/life-state.ts';
import type { Priority } from '../../workload/priority.ts';
import type { AttemptOutput } from './attempt-output.ts';
import type { AttemptDrain } from './attempt-drain.ts';

export interface AttemptPhasesParts {
  readonly life: LifeState;
  readonly priority: Priority;
  readonly drain: Pick<AttemptDrain, 'follow'>;
  readonly output: Pick<AttemptOutput, 'stop'>;
}

const DONE = 'waiting for the script to end, which is done and whose saves are durable';

/**
 * Follows a step of the attempt's machine: shows its phase, keeps the drain's notes, leaves the line to the checkpoints before a deadline, and lets the agent run behind the
 * workload as long as that trains.
 */
export function followPhase(
  { life, priority, drain, output }: AttemptPhasesParts,
  before: AttemptState,
  after: AttemptState,
): void {
  if (after.phase === 'running') life.enter('running', after.askAtMs === null ? 'training' : DONE);
  if (after.phase === 'reporting') life.enter('reporting', 'writing down how it ended');
  if (after.phase !== before.phase) {
    if (after.phase === 'running') priority.background();
    else priority.normal();
  }
  if (after.phase === 'draining') {
    output.stop();
    drain.follow(before, after);
  } else life.stopping = null;
}
