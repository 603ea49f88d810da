import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import * as z from 'zod';

const toldFile = z.object({
  /** Of the workload. */
  id: z.string(),
  /** Whether its leader had a handler of its own for SIGTERM; null where that can't be known. */
  caught: z.boolean().nullable(),
  /** Whether workers of a launcher were told first, so that the launcher has yet to hear of it. */
  ranks: z.boolean(),
  /** Who has been told; empty while it is only about to happen. */
  pids: z.array(z.number().int()),
  note: z.string(),
});

/** That, how and why a workload was told to stop. */
export type Told = Readonly<z.output<typeof toldFile>>;

/** What was kept of the workload `id`; null when it was not told anything, or that can't be read. */
export function readTold(path: string, id: string): Told | null {
  if (!existsSync(path)) return null;
  try {
    const told = toldFile.parse(JSON.parse(readFileSync(path, 'utf8')));
    return told.id === id ? told : null;
  } catch {
    return null;
  }
}

/**
 * Outlives the agent's process, not the machine, and that is enough: the workload does not outlive it either. So it is
 * neither awaited nor forced to the disk, which a workload that saves may keep busy for longer than a notice lasts.
 */
export function keepTold(path: string, told: Told): void {
  writeFileSync(path, JSON.stringify(told));
}
