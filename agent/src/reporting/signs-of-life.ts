import { open, writeFile } from 'node:fs/promises';
import { type Clock, type Log, messageOf } from '@runctl/core';
import type { AgentPaths } from '@runctl/protocol';

export interface LifeSigns {
  readonly clock: Clock;
  readonly log: Log;
  readonly paths: Pick<AgentPaths, 'alive' | 'probe'>;
  readonly pid: number;
  readonly everyMs: number;
}

/**
 * Shows who watches from outside that this agent gets on: its process runs, and the disk that holds its state answers (with
 * an error too: a full disk is no standstill). Resolves once the signal is aborted.
 */
export async function showSignsOfLife(signs: LifeSigns, signal: AbortSignal): Promise<void> {
  for (let count = 1; !signal.aborted; count++) {
    await showSign(signs, count);
    await signs.clock.sleep(signs.everyMs, signal).catch(() => {}); // aborted: the loop ends
  }
}

/** One sign. Where the disk does not answer it is never given. */
export async function showSign({ paths, pid, log }: LifeSigns, count: number): Promise<void> {
  await writeThrough(paths.probe, `${count}\n`).catch((error: unknown) => {
    log.warn({ error: messageOf(error) }, 'the disk refused a write');
  });
  await writeFile(paths.alive, `${pid} ${count}\n`).catch((error: unknown) => {
    log.error({ error: messageOf(error) }, 'no sign of life could be given');
  });
}

async function writeThrough(path: string, text: string): Promise<void> {
  const file = await open(path, 'w', 0o600);
  try {
    await file.write(text);
    await file.datasync();
  } finally {
    await file.close();
  }
}
