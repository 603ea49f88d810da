import type { AttemptStatus } from '@runctl/protocol';
import type { Styles } from './style.ts';

/** Rows on what the agent sees of the workload's processes; none where it sees nothing. */
export function workloadRows(
  status: Pick<AttemptStatus, 'workload' | 'step' | 'durable'> | undefined,
  { style, verbose }: { readonly style: Styles; readonly verbose: boolean },
): [string, string][] {
  const workload = status?.workload ?? null;
  if (status === undefined || workload === null) return [];
  // Before its first sign of life a script may not have come to set its handler.
  const isUp = status.step !== null || status.durable !== null;
  const losing = 'nothing catches it: an interruption loses everything since the last save';
  return [
    ...(workload.program === null ? [] : [['program', workload.program] as [string, string]]),
    ...(isUp && workload.catchesTerm === false ? [['SIGTERM', style.yellow(losing)] as [string, string]] : []),
    ...(verbose ? [['leftovers', leftoversText(workload.containment)] as [string, string]] : []),
  ];
}

function leftoversText(containment: NonNullable<AttemptStatus['workload']>['containment']): string {
  return containment === 'control-group'
    ? 'all that the script starts is found and ended with it (control group)'
    : 'what the script starts is ended with it as far as it can be found (no control group here)';
}
