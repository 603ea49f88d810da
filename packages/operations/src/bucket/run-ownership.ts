import { isLeaseHeld } from '@runctl/checkpoint';
import { RunctlError, type Clock } from '@runctl/core';
import { bucketKeys } from '@runctl/protocol';
import { type ObjectStore, prefixed } from '@runctl/store';
import { createRunReader } from '../run/run-reader.ts';
import { lastLaunch, type RunRecord } from '../run/run-record.ts';
import { hasEnded, stateOf } from '../run/run-state.ts';

/** To which run a key belongs, and where in the bucket that run's world begins. */
export interface RunKey {
  readonly run: string;
  /** Empty, or ends with `/`; what stands before `runs/`. */
  readonly base: string;
}

export function runOfKey(key: string): RunKey | null {
  const match = /^(|.*?\/)runs\/(r-[a-z2-7]{10})\//.exec(key);
  return match === null ? null : { base: String(match[1]), run: String(match[2]) };
}

/** Folders beside `runs/` that living and resumable runs count on: FORMAT.md. */
const SHARED = /(^|\/)(tools|code|index|names)\//g;

/** Where a world of runs would have to begin for this key to be one of what its runs share. */
export function sharedBasesOf(key: string): readonly string[] {
  return [...key.matchAll(SHARED)].map((match) => key.slice(0, match.index + String(match[1]).length));
}

/** Answers what must not be deleted beneath runs. Asks the bucket once for each run and place. */
export class RunOwnership {
  readonly #store: ObjectStore;
  readonly #clock: Clock;
  readonly #living = new Map<string, Promise<string | null>>();
  readonly #worlds = new Map<string, Promise<boolean>>();

  constructor(options: { readonly store: ObjectStore; readonly clock: Clock }) {
    this.#store = options.store;
    this.#clock = options.clock;
  }

  /** Why a run's objects must stay, for people; null when it has ended for good. */
  whyAlive({ run, base }: RunKey): Promise<string | null> {
    const known = this.#living.get(base + run) ?? this.#look({ run, base });
    this.#living.set(base + run, known);
    return known;
  }

  /** Whether runs live beside this key's folder, which then holds what they share. */
  async isShared(key: string): Promise<boolean> {
    for (const base of sharedBasesOf(key)) {
      const known = this.#worlds.get(base) ?? this.#hasRuns(base);
      this.#worlds.set(base, known);
      if (await known) return true;
    }
    return false;
  }

  async #look({ run, base }: RunKey): Promise<string | null> {
    const store = base === '' ? this.#store : prefixed(this.#store, base);
    let record: RunRecord;
    try {
      record = await createRunReader({ store, run, clock: this.#clock }).read();
    } catch (error) {
      // A run whose documents can't be read is nobody's to delete.
      if (error instanceof RunctlError) return `whether ${run} has ended is not known: ${error.message}`;
      throw error;
    }
    if (isLeaseHeld(record.lease)) return `${run} is alive: ${record.lease?.document.owner} holds its lease`;
    if (lastLaunch(record) !== null && !hasEnded(stateOf(record))) return `${run} has not ended`;
    return null;
  }

  async #hasRuns(base: string): Promise<boolean> {
    for await (const _object of this.#store.list({ prefix: base + bucketKeys.runsFolder(), limit: 1 })) return true;
    return false;
  }
}
