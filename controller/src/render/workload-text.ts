import { assertNever, shellWord } from '@runctl/core';
import { type AttemptStatus, LOST_WITHOUT_HANDLER, UNKNOWN_WHERE_IGNORED, type Workload } from '@runctl/protocol';
import type { StopHabit } from '@runctl/operations/run';
import type { StartWords } from '@runctl/workspace';
import type { Styles } from './style.ts';

type Seen = NonNullable<AttemptStatus['workload']>;

/** What runs, as a shell would have it. */
export function workloadText(workload: Workload | StartWords): string {
  switch (workload.kind) {
    case 'script':
      return shellText([...workload.interpreter, workload.script, ...workload.args]);
    case 'module':
      return shellText([...workload.interpreter, '-m', workload.module, ...workload.args]);
    case 'command':
      return `${shellText(workload.command)}${workload.folder === '' ? '' : ` (in ${workload.folder}/)`}`;
    case 'container':
      return [workload.image, ...workload.command].join(' ');
    default:
      return assertNever(workload);
  }
}

/** Rows on what the agent sees of the workload's processes, and on how they take a stop; none where nothing is seen. */
export function workloadRows(
  status: Pick<AttemptStatus, 'workload'> | undefined,
  { style, verbose, habit }: { readonly style: Styles; readonly verbose: boolean; readonly habit: StopHabit },
): [string, string][] {
  const workload = status?.workload ?? null;
  const term = termText(habit);
  const termRows: [string, string][] = term === null ? [] : [['SIGTERM', style.yellow(term)]];
  if (workload === null) return termRows;
  return [
    ...(workload.program === null ? [] : [['program', programText(workload, verbose)] as [string, string]]),
    ...termRows,
    ...(verbose ? [['leftovers', leftoversText(workload.containment)] as [string, string]] : []),
  ];
}

function termText(habit: StopHabit): string | null {
  switch (habit) {
    case 'dies':
      return `nothing catches it: ${LOST_WITHOUT_HANDLER}`;
    case 'died':
      return `nothing caught it in the life before: ${LOST_WITHOUT_HANDLER}`;
    case 'ignores':
      return `the script ignores it: ${UNKNOWN_WHERE_IGNORED}`;
    case 'saves':
    case null:
      return null;
    default:
      return assertNever(habit);
  }
}

function programText({ program, reason }: Seen, verbose: boolean): string {
  return verbose && reason !== null ? `${program}, which a stop reaches first: ${reason}` : `${program}`;
}

function leftoversText(containment: Seen['containment']): string {
  return containment === 'control-group'
    ? 'all that the script starts is found and ended with it (control group)'
    : 'what the script starts is ended with it as far as it can be found (no control group here)';
}

function shellText(words: readonly string[]): string {
  return words.map(shellWord).join(' ');
}
