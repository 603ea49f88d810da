import type { ProcessSeen } from './process-table.ts';

/** How to tell the workload's processes: by the mark in their environment, or by session and group of its leader. */
export interface WorkloadMark {
  readonly id: string;
  readonly leader: number;
  readonly wrapper: number;
}

/** Every living process of the workload, its wrapper excepted. Grandchildren in sessions of their own are found by the mark. */
export function membersOf(all: readonly ProcessSeen[], mark: WorkloadMark): readonly ProcessSeen[] {
  const marked = `RUNCTL_WORKLOAD=${mark.id}`;
  return all.filter(
    (seen) =>
      seen.pid !== mark.wrapper &&
      (seen.group === mark.leader || seen.session === mark.leader || hasVariable(seen, marked)),
  );
}

/**
 * Who is told first to stop. Under a launcher that kills its workers early (torchrun after 30 s) only the workers, so that
 * the launcher hears of it when they are done. Otherwise all but pool workers, forked from a process that is told itself:
 * losing one of those makes a data loader's parent fail in the middle of saving.
 */
export function firstRecipients(members: readonly ProcessSeen[]): readonly ProcessSeen[] {
  const byPid = new Map(members.map((seen) => [seen.pid, seen]));
  const ranks = members.filter((seen) => {
    const parent = byPid.get(seen.parent);
    return isRank(seen) && (parent === undefined || !isRank(parent));
  });
  if (ranks.length > 0) return ranks;
  return members.filter((seen) => {
    const parent = byPid.get(seen.parent);
    return parent === undefined || parent.command !== seen.command;
  });
}

/** A worker that a launcher started. */
export function isRank(seen: ProcessSeen): boolean {
  return hasVariable(seen, 'LOCAL_RANK=');
}

/** `variable` is `NAME=` for any value or `NAME=value`. */
function hasVariable(seen: ProcessSeen, variable: string): boolean {
  const at = `\0${seen.environment}`.indexOf(`\0${variable}`);
  if (at < 0) return false;
  if (variable.endsWith('=')) return true;
  const end = seen.environment.charAt(at + variable.length);
  return end === '' || end === '\0';
}
