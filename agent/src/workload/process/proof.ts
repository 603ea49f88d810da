import type { LivingProcess, ProcessIdentity } from './process-table.ts';
import type { StartedWorkload } from './state-files.ts';

/** What is known, at the moment of a signal, of the process that is to get it. */
export interface SignalEvidence {
  readonly workload: Pick<StartedWorkload, 'id' | 'pid' | 'startTime' | 'wrapper'>;
  /** The process that has the pid now; null when none has. */
  readonly now: LivingProcess | null;
  /** Start time of the process that has the leader's pid now; null when none has. */
  readonly leaderStartTime: string | null;
  /** Whether this very process was seen below one of the workload. */
  readonly isRecorded: boolean;
}

/**
 * Decides whether a signal may be sent, which nothing but this allows: the pid must still be that of the process that was
 * meant, by its start time, and the process must be the workload's, by the mark in its environment, by the group or session
 * of its leader, or because it was seen below one that is. The wrapper gets no signal.
 */
export function isProven(
  target: ProcessIdentity,
  { workload, now, leaderStartTime, isRecorded }: SignalEvidence,
): boolean {
  if (now === null || now.pid !== target.pid || now.startTime !== target.startTime) return false;
  if (now.pid === workload.wrapper) return false;
  return isRecorded || hasMark(now, workload.id) || isWithLeader(now, workload, leaderStartTime);
}

/** Whether the environment has the mark that each process of the workload inherits. */
export function hasMark({ environment }: Pick<LivingProcess, 'environment'>, id: string): boolean {
  return environment.split('\0').includes(`RUNCTL_WORKLOAD=${id}`);
}

/** A leader's pid that is another process's by now leads another group. */
export function isWithLeader(
  { group, session }: Pick<LivingProcess, 'group' | 'session'>,
  leader: Pick<StartedWorkload, 'pid' | 'startTime'>,
  leaderStartTime: string | null,
): boolean {
  if (leaderStartTime !== null && leaderStartTime !== leader.startTime) return false;
  return group === leader.pid || session === leader.pid;
}
