import { assertNever, shellWord } from '@runctl/core';
import { type AttemptStatus, LOST_WITHOUT_HANDLER, type Workload } from '@runctl/protocol';
import type { StartWords } from '@runctl/workspace';
import type { Styles } from './style.ts';

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

/** Rows on what the agent sees of the workload's processes; none where it sees nothing. */
export function workloadRows(
  status: Pick<AttemptStatus, 'workload'> | undefined,
  { style, verbose }: { readonly style: Styles; readonly verbose: boolean },
): [string, string][] {
  const workload = status?.workload ?? null;
  if (workload === null) return [];
  const losing = `nothing catches it: ${LOST_WITHOUT_HANDLER}`;
  return [
    ...(workload.program === null ? [] : [['program', programText(workload, verbose)] as [string, string]]),
    ...(workload.catchesTerm === false ? [['SIGTERM', style.yellow(losing)] as [string, string]] : []),
    ...(verbose ? [['leftovers', leftoversText(workload.containment)] as [string, string]] : []),
  ];
}

function programText({ program, reason }: NonNullable<AttemptStatus['workload']>, verbose: boolean): string {
  return verbose && reason !== null ? `${program}, which a stop reaches first: ${reason}` : `${program}`;
}

function leftoversText(containment: NonNullable<AttemptStatus['workload']>['containment']): string {
  return containment === 'control-group'
    ? 'all that the script starts is found and ended with it (control group)'
    : 'what the script starts is ended with it as far as it can be found (no control group here)';
}

function shellText(words: readonly string[]): string {
  return words.map(shellWord).join(' ');
}
