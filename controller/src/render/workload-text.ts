import { assertNever, shellWord } from '@runctl/core';
import { type AttemptStatus, LOST_WITHOUT_HANDLER, UNKNOWN_WHERE_IGNORED, type Workload } from '@runctl/protocol';
import type { AttemptRecord } from '@runctl/operations/run';
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

/** What the lives of a run before the newest have shown of its workload. */
export interface EarlierLives {
  /** What the newest of them that tells anything has shown; null where none does. */
  readonly workload: Seen | null;
  /** It has saved at an interruption, by whatever it learned of it. */
  readonly savedAtStop: boolean;
}

/** Rows on what the agent sees of the workload's processes, or has seen in earlier lives; none where it sees nothing. */
export function workloadRows(
  status: Pick<AttemptStatus, 'workload'> | undefined,
  { style, verbose, earlier }: { readonly style: Styles; readonly verbose: boolean; readonly earlier: EarlierLives },
): [string, string][] {
  const workload = status?.workload ?? null;
  if (workload === null) return termRows({ catchesTerm: null, ignoresTerm: false }, earlier, style);
  return [
    ...(workload.program === null ? [] : [['program', programText(workload, verbose)] as [string, string]]),
    ...termRows(workload, earlier, style),
    ...(verbose ? [['leftovers', leftoversText(workload.containment)] as [string, string]] : []),
  ];
}

function termRows(
  { catchesTerm, ignoresTerm }: Pick<Seen, 'catchesTerm' | 'ignoresTerm'>,
  earlier: EarlierLives,
  style: Styles,
): [string, string][] {
  if (earlier.savedAtStop || catchesTerm === true) return [];
  if (catchesTerm === false) return [['SIGTERM', style.yellow(`nothing catches it: ${LOST_WITHOUT_HANDLER}`)]];
  if (ignoresTerm) return [['SIGTERM', style.yellow(`the script ignores it: ${UNKNOWN_WHERE_IGNORED}`)]];
  // A life that has just begun is most likely as the one before.
  const { workload } = earlier;
  return workload === null || workload.catchesTerm !== false
    ? []
    : [['SIGTERM', style.yellow(`nothing caught it in the life before: ${LOST_WITHOUT_HANDLER}`)]];
}

/** What tells whether SIGTERM is caught; false where that is not known. */
function tells({ catchesTerm, ignoresTerm }: Seen): boolean {
  return catchesTerm !== null || ignoresTerm;
}

/** Lives in their order, the newest last. */
export function earlierLivesOf(lives: readonly Pick<AttemptRecord, 'status' | 'drain'>[]): EarlierLives {
  const seen = lives.slice(0, -1).map(({ status }) => status?.document.workload ?? null);
  return {
    workload: seen.findLast((each) => each !== null && tells(each)) ?? null,
    savedAtStop: lives.some(({ drain }) => drain?.newCheckpoint === true),
  };
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
