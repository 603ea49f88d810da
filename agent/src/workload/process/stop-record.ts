import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import * as z from 'zod';

const identity = z.object({ pid: z.number().int(), startTime: z.string() });
const stopFile = z.object({
  /** The workload's id. */
  id: z.string(),
  /** Whether its leader had a handler of its own for SIGTERM; null where that can't be known. */
  caught: z.boolean().nullable(),
  /** Processes that SIGTERM goes to first; empty while it is only about to be sent. */
  first: z.array(identity),
  /** Whether those may save, since they catch SIGTERM or may watch the preempt file; else nobody waits for their end. */
  canSave: z.boolean().default(true),
  /** Whether a process, launchers left out, caught SIGTERM right before it was sent; null where that can't be known. */
  couldSave: z.boolean().nullable().default(null),
  /** Others that may save: they get it when the first have ended, or when time presses. */
  second: z.array(identity).default([]),
  /** All that were sent SIGTERM. */
  told: z.array(identity).default([]),
  /** Their ancestors, which get it as soon as those have ended. */
  above: z.array(identity),
  /** The note that `Supervisor.signal` was given. */
  note: z.string(),
});

/** Records that a workload is being stopped, how far its SIGTERMs have come, and why. */
export type StopRecord = Readonly<z.output<typeof stopFile>>;

/** Reads the record of the workload `id`; null when it is not being stopped, or the record can't be read. */
export function readStopRecord(path: string, id: string): StopRecord | null {
  if (!existsSync(path)) return null;
  try {
    const record = stopFile.parse(JSON.parse(readFileSync(path, 'utf8')));
    return record.id === id ? record : null;
  } catch {
    return null;
  }
}

/**
 * Writes the record, whole or not at all. It outlives the agent's process, not the machine, and that is enough: the workload does not outlive
 * the machine either. So the write is neither awaited nor forced to the disk, which a workload that saves may keep busy
 * for longer than a notice lasts. Throws as the file system does.
 */
export function keepStopRecord(path: string, record: StopRecord): void {
  writeFileSync(`${path}.tmp`, JSON.stringify(record));
  renameSync(`${path}.tmp`, path);
}
