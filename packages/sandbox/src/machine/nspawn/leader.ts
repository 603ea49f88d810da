import { readdirSync, readFileSync } from 'node:fs';

/**
 * The instance's own process 1 among the descendants of the process that holds it, by its pid on the host; null when there is none (yet:
 * a reboot makes another one). It is the one that is process 1 in the innermost of its pid name spaces.
 */
export function leaderBelow(holderPid: number): number | null {
  for (const child of childrenOf(holderPid)) {
    if (isFirst(child, holderPid)) return child;
    const deeper = leaderBelow(child);
    if (deeper !== null) return deeper;
  }
  return null;
}

function childrenOf(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((task) =>
      readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number),
    );
  } catch {
    return [];
  }
}

/** Of one more pid name space than `outer`, and the first in it; before its exec it still is a copy of systemd-nspawn. */
function isFirst(pid: number, outer: number): boolean {
  const [own, others] = [pidsOf(pid), pidsOf(outer)];
  if (own.length <= others.length || own.at(-1) !== '1') return false;
  try {
    return !readFileSync(`/proc/${pid}/comm`, 'utf8').includes('nspawn');
  } catch {
    return false;
  }
}

/** The pids of a process in each of its name spaces, the host's first (proc_pid_status(5), `NSpid`). */
function pidsOf(pid: number): string[] {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return (/^NSpid:\s+(.*)$/m.exec(status)?.[1] ?? '').split('\t');
  } catch {
    return [];
  }
}
