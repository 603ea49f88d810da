import { readdir, stat } from 'node:fs/promises';
import type { Clock } from '@runctl/core';
import type { Timing } from '@runctl/protocol';
import type { LifeEvents } from './life-events.ts';
import type { LifeState } from './life-state.ts';
import type { Beginning, ProgressReader } from './progress.ts';

/** What a started script was given to resume from, and what it has shown since. */
export interface ResumeSigns {
  /** Of the checkpoint that it was given; null where that bears none. */
  readonly givenStep: number | null;
  readonly beginning: Beginning;
  /** The checkpoint folder has no file at all. */
  readonly isEmpty: boolean;
}

/**
 * Judges whether a script went on from what it was given: `ignored` by two steps below it, or by an emptied folder where no
 * step tells more; null while that is open. One low step alone is no proof, since progress bars begin at 0 and then jump to
 * where the training goes on; and steps of which there are fewer in all than were done count something else.
 */
export function judgeResume({ givenStep, beginning, isEmpty }: ResumeSigns): 'followed' | 'ignored' | null {
  const [first, second] = beginning.steps;
  if (givenStep === null || first === undefined) return isEmpty ? 'ignored' : null;
  const countsElse = beginning.total !== null && beginning.total < givenStep;
  if (countsElse || first >= givenStep) return 'followed';
  if (second === undefined) return isEmpty ? 'ignored' : null;
  return second >= givenStep ? 'followed' : 'ignored';
}

export interface ResumeWatchParts {
  readonly folders: { readonly checkpoint: string };
  readonly progress: ProgressReader;
  readonly life: Pick<LifeState, 'warn'>;
  readonly events: Pick<LifeEvents, 'append'>;
  /** An empty folder tells nothing before `emptiedMs`: the script may have read its checkpoint, and will write the next. */
  readonly timing: Pick<Timing, 'emptiedMs'>;
  readonly clock: Clock;
}

/** What a script is given to resume from. */
export interface GivenCheckpoint {
  /** Absolute path of its entry. */
  readonly entry: string;
  /** Null where it bears none. */
  readonly step: number | null;
}

/** Notices a script that began anew though it had a checkpoint to resume from, and says so once. */
export class ResumeWatch {
  readonly #parts: ResumeWatchParts;
  #given: GivenCheckpoint | null = null;
  #emptySinceMs: number | null = null;

  constructor(parts: ResumeWatchParts) {
    this.#parts = parts;
  }

  /** Begins to watch a script that is about to be started; null: it begins from nothing. Never rejects. */
  async begin(given: GivenCheckpoint | null): Promise<void> {
    this.#given = given;
    this.#emptySinceMs = null;
    await this.#parts.progress.begin();
  }

  /** The reader, with a look at how the script began after each reading. */
  observing(reader: Pick<ProgressReader, 'read'>): Pick<ProgressReader, 'read'> {
    return {
      read: async () => {
        const progress = await reader.read();
        await this.#look();
        return progress;
      },
    };
  }

  async #look(): Promise<void> {
    const { events, folders, life, progress } = this.#parts;
    const given = this.#given;
    if (given === null) return;
    const beginning = progress.beginning();
    const isEmpty = await this.#isEmptyForLong(given.entry, folders.checkpoint);
    const judgement = judgeResume({ givenStep: given.step, beginning, isEmpty });
    if (judgement === null || this.#given !== given) return;
    this.#given = null;
    if (judgement === 'followed') return;
    const message = ignoredText(given.step, { beginning, isEmpty });
    life.warn(message);
    await events.append({ kind: 'resume-ignored', message, step: beginning.steps[0] ?? null });
  }

  async #isEmptyForLong(entry: string, folder: string): Promise<boolean> {
    const nowMs = this.#parts.clock.monotonicMs();
    const isThere = await stat(entry).then(
      () => true,
      () => false,
    );
    const isEmpty = !isThere && !(await hasFiles(folder));
    this.#emptySinceMs = isEmpty ? (this.#emptySinceMs ?? nowMs) : null;
    return this.#emptySinceMs !== null && nowMs - this.#emptySinceMs >= this.#parts.timing.emptiedMs;
  }
}

function ignoredText(step: number | null, { beginning, isEmpty }: Pick<ResumeSigns, 'beginning' | 'isEmpty'>): string {
  const given = step === null ? 'a checkpoint' : `the checkpoint of step ${step}`;
  const [first] = beginning.steps;
  const emptied = isEmpty ? 'emptied the checkpoint folder' : '';
  const began = first === undefined ? '' : `began at step ${first}`;
  const what = [emptied, began].filter((text) => text !== '').join(' and ');
  return `the script was given ${given} and ignored it: it ${what}`;
}

async function hasFiles(folder: string): Promise<boolean> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries.some((entry) => !entry.isDirectory());
}
