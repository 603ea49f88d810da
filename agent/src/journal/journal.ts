import { readFileSync } from 'node:fs';
import { mkdir, open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { launchIntent, leftBehind, runSpec, stopCauses, timestamp } from '@runctl/protocol';
import * as z from 'zod';

const drainNote = z.object({
  cause: z.enum(stopCauses),
  seenAt: timestamp,
  termAt: timestamp,
  haltAt: timestamp.nullable(),
  killAt: timestamp.nullable(),
  killed: z.boolean(),
  /** It was killed because whoever stopped it gave it no more time. */
  hurried: z.boolean().default(false),
  stepAtStop: z.number().nullable(),
  /** Whether a process that could save caught SIGTERM when it was sent; null where that is unknown. */
  caughtTerm: z.boolean().nullable().default(null),
  windowMs: z.number().nullable(),
  /** Of a stop that leaves the workload the time that its saving takes: the end of that all the same, if there is one. */
  saving: z.object({ limitAt: timestamp.nullable() }).nullable().default(null),
});

/**
 * What an agent must know about its predecessor on the same machine, beside the lease's own file and what the supervisor
 * keeps. Times are wall time: a monotonic clock ends with its process.
 */
const journalDocument = z.object({
  launch: z.number().int(),
  /** Facts that a restarted agent must not have to ask for, since it may be without network in the middle of a notice. */
  facts: z
    .object({
      spec: runSpec,
      intent: launchIntent.nullable(),
      identity: z.object({
        machineId: z.string(),
        machineType: z.string(),
        location: z.string(),
        market: z.enum(['spot', 'on-demand']),
        capacity: z.string().nullable(),
      }),
      capacity: z.string().nullable(),
    })
    .nullable(),
  /** Since when this machine is paid for, as far as it knows. */
  machineSince: timestamp,
  attempt: z
    .object({
      generation: z.number().int(),
      since: timestamp,
      /** Since when this attempt pays for the machine: from its boot for the first one on it. */
      paidSince: timestamp,
      /** Crashes on earlier machines of this launch. */
      earlierCrashes: z.number().int(),
      interruptions: z.number().int(),
      earlierSpentUsd: z.number(),
      crashes: z.array(z.object({ failure: z.string(), ranMs: z.number(), workload: z.string().nullable() })),
      /** The workload may be started again from then on. */
      backoffUntil: timestamp.nullable(),
      resumedFrom: z
        .object({
          manifest: z.string(),
          step: z.number().nullable(),
          warnings: z.array(z.string()),
          leftBehind: leftBehind.optional(),
        })
        .nullable(),
      /**
       * Since when the workloads here have written, once one of them was cut off, in an earlier generation maybe: what it left
       * may be a piece, however long it lies still. Since ever (1970) where the times of its files tell nothing.
       */
      cutOffSince: timestamp.nullable().default(null),
      workload: z.object({ id: z.string(), pid: z.number().int(), startedAt: timestamp }).nullable(),
      /** Where the output of the last start begins in the log, in bytes. */
      logOffset: z.number().int().default(0),
      /** What runs the code of the last start; null where that was not found. */
      interpreter: z.object({ path: z.string(), version: z.string().nullable() }).nullable().default(null),
      /** The stop that the workload was told of. */
      drain: drainNote.nullable(),
    })
    .nullable(),
  /** The last attempt of the launch before this one on the same machine; null on a machine that is new to the run. */
  previousLaunch: z
    .object({ generation: z.number().int(), since: timestamp, cutOffSince: timestamp.nullable() })
    .nullable()
    .default(null),
  /** After an interruption: try for the lease again then, should the machine still live. */
  restUntil: timestamp.nullable(),
  /** The notice that this machine outlived, as its host gave it: it may be shown for as long as the machine lives. */
  outlivedNotice: z.string().nullable(),
  codeUnpacked: z.string().nullable(),
});
export type JournalState = z.output<typeof journalDocument>;
export type JournalAttempt = NonNullable<JournalState['attempt']>;

export function emptyJournal(launch: number, now: string): JournalState {
  return {
    launch,
    facts: null,
    machineSince: now,
    attempt: null,
    previousLaunch: null,
    restUntil: null,
    outlivedNotice: null,
    codeUnpacked: null,
  };
}

/** A small file that is replaced as a whole with every change, so that it is never half-written. */
export class Journal {
  readonly #path: string;
  #state: JournalState;
  #writing: Promise<void> = Promise.resolve();

  constructor(path: string, fallback: JournalState) {
    this.#path = path;
    const kept = readState(path);
    if (kept === null) this.#state = fallback;
    else this.#state = kept.launch === fallback.launch ? kept : afterLaunch(kept, fallback);
  }

  get state(): JournalState {
    return this.#state;
  }

  /** Resolves when the change is on the disk; it counts in memory at once. */
  update(change: Partial<JournalState>): Promise<void> {
    this.#state = { ...this.#state, ...change };
    const text = `${JSON.stringify(this.#state)}\n`;
    const mine = this.#writing.then(() => replaceFile(this.#path, text));
    this.#writing = mine.catch(() => {});
    return mine;
  }

  /** Resolves when nothing is being written. */
  settled(): Promise<void> {
    return this.#writing;
  }

  /** Changes the current attempt; without one it does nothing. */
  async updateAttempt(change: Partial<JournalAttempt>): Promise<void> {
    if (this.#state.attempt !== null) await this.update({ attempt: { ...this.#state.attempt, ...change } });
  }
}

/**
 * A machine may serve one launch of the run after another. What its disk and its life bear is still there for the next
 * one: files of earlier workloads, their log, a notice that came to nothing.
 */
function afterLaunch({ attempt, outlivedNotice, previousLaunch }: JournalState, fallback: JournalState): JournalState {
  if (attempt === null) return { ...fallback, outlivedNotice, previousLaunch };
  const { cutOffSince, generation, since } = attempt;
  return { ...fallback, outlivedNotice, previousLaunch: { cutOffSince, generation, since } };
}

function readState(path: string): JournalState | null {
  try {
    return journalDocument.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch {
    return null; // none yet, or of another version: what follows from it is found again, only slower
  }
}

/** A stop as it went to the supervisor with SIGTERM, which is there even where the journal had no time to be written. */
export function drainNoteOf(text: string): JournalAttempt['drain'] {
  try {
    return drainNote.parse(JSON.parse(text));
  } catch {
    return null;
  }
}

export interface ReplaceOptions {
  readonly mode?: number;
  /** False where the file need not outlive the machine: a disk that is busy with a checkpoint can take seconds to sync. */
  readonly sync?: boolean;
}

/** Whole or not at all, even if the machine dies (without `sync`: if the agent dies). */
export async function replaceFile(
  path: string,
  text: string,
  { mode = 0o600, sync = true }: ReplaceOptions = {},
): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const temporary = `${path}.tmp`;
  const file = await open(temporary, 'w', mode);
  try {
    await file.writeFile(text);
    if (sync) await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
}
