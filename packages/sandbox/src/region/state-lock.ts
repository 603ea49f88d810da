import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { command, RunctlError } from '@runctl/core';

const lockName = 'region.lock';

/**
 * Something that tells a living process from a later one with the same pid; null when there is none with it (zombies are
 * dead).
 */
export function processStartOf(pid: number): string | null {
  try {
    if (process.platform !== 'linux')
      return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim() || null;
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command name, in brackets, may contain anything.
    const [state = 'X', ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return 'ZX'.includes(state) ? null : (fields[18] ?? null);
  } catch {
    return null;
  }
}

/**
 * Makes this process the only region of a state folder. Returns what releases it. A lock whose holder is dead is replaced.
 * Errors: `sandbox-running`.
 */
export function lockState(stateFolder: string): () => void {
  const lock = join(stateFolder, lockName);
  const own = JSON.stringify({ pid: process.pid, start: processStartOf(process.pid) });
  const claim = join(stateFolder, `${lockName}.${randomUUID()}`);
  writeFileSync(claim, own, { mode: 0o600 });
  try {
    for (;;) {
      // A link appears whole and only if nobody else's is there.
      if (linked(claim, lock)) return () => rmSync(lock, { force: true });
      const holder = read(lock);
      if (holder === null) continue;
      const { pid, start } = holder.content;
      if (start !== null && processStartOf(pid) === start)
        throw new RunctlError('sandbox-running', `a sandbox already runs in ${stateFolder} (process ${pid})`, {
          hint: ['use it, end it with ', command('sandbox stop'), ', or choose another --state folder'],
        });
      removeStale(lock, holder.text);
    }
  } finally {
    rmSync(claim, { force: true });
  }
}

function linked(claim: string, lock: string): boolean {
  try {
    linkSync(claim, lock);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function read(lock: string): { text: string; content: { pid: number; start: string | null } } | null {
  try {
    const text = readFileSync(lock, 'utf8');
    return { text, content: JSON.parse(text) as { pid: number; start: string | null } };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** Takes a dead holder's lock away. If another process replaced it meanwhile, its lock is put back. */
function removeStale(lock: string, text: string): void {
  const aside = `${lock}.${randomUUID()}`;
  try {
    renameSync(lock, aside);
  } catch {
    return;
  }
  if (readFileSync(aside, 'utf8') !== text) linked(aside, lock);
  rmSync(aside, { force: true });
}
