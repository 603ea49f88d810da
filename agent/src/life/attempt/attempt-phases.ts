import type { AttemptState } from '../../lifecycle/model.ts';
import type { LifeState } from '../../reporting/life-state.ts';
import type { Priority } from '../../workload/priority.ts';
import type { AttemptDrain } from './attempt-drain.ts';

export interface AttemptPhasesParts {
  readonly life: LifeState;
  readonly priority: Priority;
  readonly drain: Pick<AttemptDrain, 'follow'>;
}

const DONE = 'waiting for the script to end, which is done and whose saves are durable';

/**
 * Follows a step of the attempt's machine: shows its phase, keeps the drain's notes, and lets the agent run behind the
 * workload as long as that trains.
 */
export function followPhase(
  { life, priority, drain }: AttemptPhasesParts,
  before: AttemptState,
  after: AttemptState,
): void {
  if (after.phase === 'running') life.enter('running', after.askAtMs === null ? 'training' : DONE);
  if (after.phase === 'reporting') life.enter('reporting', 'writing down how it ended');
  if (after.phase !== before.phase) {
    if (after.phase === 'running') priority.background();
    else priority.normal();
  }
  if (after.phase === 'draining') drain.follow(before, after);
  else life.stopping = null;
}
