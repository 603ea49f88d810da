import { randomUUID } from 'node:crypto';
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { command, RunctlError } from '@runctl/core';
import { processStartOf } from '../client/process-start.ts';

const lockName = 'region.lock';

/** The lock of a state folder, once this process has it. */
export interface StateLock {
  /** Whether it is still there. It is not once somebody has removed the folder, and maybe made another region in its place. */
  isHeld(): boolean;
  /** Releases it; one that is lost stays its new holder's. Idempotent. */
  release(): void;
}

/**
 * Makes this process the only region of a state folder. A lock whose holder is dead is replaced. Errors: `sandbox-running`.
 */
export function lockState(stateFolder: string): StateLock {
  const lock = join(stateFolder, lockName);
  const id = randomUUID();
  const own = JSON.stringify({ pid: process.pid, start: processStartOf(process.pid), id });
  const claim = join(stateFolder, `${lockName}.${id}`);
  writeFileSync(claim, own, { mode: 0o600 });
  try {
    for (;;) {
      // A link appears whole and only if nobody else's is there.
      if (linked(claim, lock)) return stateLock(lock, own);
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

function stateLock(lock: string, own: string): StateLock {
  const isHeld = () => {
    try {
      return readFileSync(lock, 'utf8') === own;
    } catch (error) {
      // Anything else (no descriptor is free, say) tells nothing of the lock.
      return (error as NodeJS.ErrnoException).code !== 'ENOENT';
    }
  };
  return {
    isHeld,
    release: () => {
      if (isHeld()) rmSync(lock, { force: true });
    },
  };
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
