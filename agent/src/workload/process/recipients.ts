import type { LivingProcess } from './process-table.ts';

/** Identifies the workload's processes: by the mark in their environment, or by session and group of its leader. */
export interface WorkloadMark {
  readonly id: string;
  readonly leader: number;
  readonly wrapper: number;
}

/** Every living process of the workload, its wrapper excepted. Grandchildren in sessions of their own are found by the mark. */
export function membersOf(all: readonly LivingProcess[], mark: WorkloadMark): readonly LivingProcess[] {
  const marked = `RUNCTL_WORKLOAD=${mark.id}`;
  return all.filter(
    (each) =>
      each.pid !== mark.wrapper &&
      (each.group === mark.leader || each.session === mark.leader || hasVariable(each, marked)),
  );
}

/**
 * Chooses the processes that get SIGTERM first. Under a launcher that kills its workers early (torchrun after 30 s) only the workers, so that
 * the launcher hears of it when they are done. Otherwise all but pool workers, forked from a process that gets it too:
 * losing one of those makes a data loader's parent fail in the middle of saving.
 */
export function firstRecipients(members: readonly LivingProcess[]): readonly LivingProcess[] {
  const byPid = new Map(members.map((each) => [each.pid, each]));
  const ranks = members.filter((each) => {
    const parent = byPid.get(each.parent);
    return isRank(each) && (parent === undefined || !isRank(parent));
  });
  if (ranks.length > 0) return ranks;
  return members.filter((each) => {
    const parent = byPid.get(each.parent);
    return parent === undefined || parent.command !== each.command;
  });
}

/** Whether a launcher started the process as one of its workers. */
export function isRank(process: LivingProcess): boolean {
  return hasVariable(process, 'LOCAL_RANK=');
}

/** `variable` is `NAME=` for any value or `NAME=value`. */
function hasVariable(process: LivingProcess, variable: string): boolean {
  const at = `\0${process.environment}`.indexOf(`\0${variable}`);
  if (at < 0) return false;
  if (variable.endsWith('=')) return true;
  const end = process.environment.charAt(at + variable.length);
  return end === '' || end === '\0';
}
