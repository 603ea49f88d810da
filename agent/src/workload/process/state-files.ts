import { existsSync } from 'node:fs';
import { open, readFile, rm, stat } from 'node:fs/promises';
import type { AgentPaths } from '@runctl/protocol';
import * as z from 'zod';

const pidFile = z.object({ pid: z.number().int(), startTime: z.string(), wrapper: z.number().int(), id: z.string() });
const exitFile = z.object({ code: z.number().int().nullable(), signal: z.string().nullable(), id: z.string() });
const startFile = z.object({
  id: z.string(),
  boot: z.string().nullable().default(null),
  /** The checkpoint folder; null when there is none. */
  checkpointFolder: z.string().nullable().default(null),
  /** The folder of the control group that the workload alone is in; null where it has none. */
  controlGroup: z.string().nullable().default(null),
  /** What both clocks showed then. */
  clocks: z.object({ wallMs: z.number(), uptimeMs: z.number() }).nullable().default(null),
});

/** The wrapper's word on the workload that it started: leader, wrapper, and the id of this start. */
export type StartedWorkload = z.output<typeof pidFile>;
/** The supervisor's word before the wrapper starts, so that a start that was cut short can be swept. */
export type StartNote = z.output<typeof startFile>;

/** The wrapper's word on how a workload ended. */
export interface NotedExit {
  readonly code: number | null;
  readonly signal: string | null;
  /** Wall time. */
  readonly endedAtMs: number;
}

/** The files by which a supervisor finds the workload of another one on the same machine. */
export class StateFiles {
  /** The place of the workload's `StopRecord`. */
  readonly stop: string;
  readonly #paths: Pick<AgentPaths, 'pid' | 'exit'>;
  readonly #start: string;

  constructor(paths: Pick<AgentPaths, 'state' | 'pid' | 'exit'>) {
    this.#paths = paths;
    this.#start = `${paths.state}/training.start`;
    this.stop = `${paths.state}/training.stop`;
  }

  /** Resolves once the note is on the disk. */
  async noteStart(note: StartNote): Promise<void> {
    const file = await open(this.#start, 'w', 0o644);
    try {
      await file.writeFile(`${JSON.stringify(note)}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
  }

  /** Null when no start was noted, or the note can't be read. */
  startNote(): Promise<StartNote | null> {
    return readJson(this.#start, startFile);
  }

  /** Null while the wrapper of this start has written nothing. */
  async started(id: string): Promise<StartedWorkload | null> {
    const workload = await readJson(this.#paths.pid, pidFile);
    return workload?.id === id ? workload : null;
  }

  /** When the wrapper wrote that it had started a workload (wall time). Rejects when it has not. */
  async startedAtMs(): Promise<number> {
    return (await stat(this.#paths.pid)).mtimeMs;
  }

  /** Null while the wrapper of this start has not written how the workload ended. */
  async exit(id: string): Promise<NotedExit | null> {
    const exit = await readJson(this.#paths.exit, exitFile);
    if (exit?.id !== id) return null;
    return { code: exit.code, signal: exit.signal, endedAtMs: (await stat(this.#paths.exit)).mtimeMs };
  }

  /** Removes all of them: no supervisor finds the workload any more. */
  async remove(): Promise<void> {
    const all = [this.#start, this.stop, this.#paths.pid, this.#paths.exit];
    await Promise.all(all.map((path) => rm(path, { force: true })));
  }
}

async function readJson<S extends z.ZodType>(path: string, schema: S): Promise<z.output<S> | null> {
  if (!existsSync(path)) return null;
  try {
    return schema.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch {
    return null;
  }
}
