import { readFileSync, writeFileSync } from 'node:fs';
import { setPriority } from 'node:os';

/** The agent's share of the processors that it has in common with the workload. */
export interface Priority {
  /** Behind the workload, which must not feel an upload. */
  background(): void;
  /** Like anybody else: from the moment that the workload has to stop, what counts is that the checkpoint gets out. */
  normal(): void;
}

const BACKGROUND_NICE = 10;

/**
 * The agent's own main thread, which does its work; processes started meanwhile would be as nice, so the workload is to be
 * started at normal priority. Only real root can take niceness back, so everyone else keeps the normal one. Errors are
 * ignored: a slower training is better than none.
 */
export function systemPriority(process: { readonly uid: number; readonly platform: NodeJS.Platform }): Priority {
  if (process.platform !== 'linux' || process.uid !== 0 || !isRealRoot()) return { background() {}, normal() {} };
  const set = (nice: number): void => {
    attempt(() => setPriority(nice));
    // Where the kernel groups tasks by session, niceness counts within a session only: then the group needs it too (sched(7)).
    attempt(() => writeFileSync('/proc/self/autogroup', String(nice)));
  };
  return { background: () => set(BACKGROUND_NICE), normal: () => set(0) };
}

function isRealRoot(): boolean {
  try {
    return /^\s*0\s+0\s+4294967295\s*$/.test(readFileSync('/proc/self/uid_map', 'utf8'));
  } catch {
    return false;
  }
}

function attempt(change: () => void): void {
  try {
    change();
  } catch {
    // See systemPriority.
  }
}
