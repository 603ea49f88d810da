import {
  type AttemptDrained,
  attemptDrained,
  type AttemptNotice,
  attemptNotice,
  type AttemptOutcome,
  attemptOutcome,
  type AttemptStarted,
  attemptStarted,
  type AttemptStatus,
  attemptStatus,
  controlDocument,
  type ControlDocument,
  decodeDocument,
  encodeDocument,
  type LatestPointer,
  latestPointer,
  type LaunchIntent,
  launchIntent,
  type LaunchMachines,
  launchMachines,
  type LaunchOutcome,
  launchOutcome,
  type LifeEvent,
  lifeEvent,
  parseAttemptKey,
  parseLifeEventKey,
  runKeys,
  type RunKeys,
  type RunSpec,
  runSpec,
  sha256OfDocument,
} from '@runctl/protocol';
import { isRunctlError, RunctlError } from '@runctl/core';
import { collect, isStoreError, type ObjectStore } from '@runctl/store';
import type { z } from 'zod';
import type { EarlierLife } from '../fit/stop-history.ts';

/** The documents of an earlier attempt of the run; null where it did not come to write one. */
export interface EarlierAttempt {
  readonly generation: number;
  readonly status: AttemptStatus | null;
  readonly outcome: AttemptOutcome | null;
}

export interface DocumentPlace {
  readonly run: string;
  readonly launch: number;
  readonly node: number;
}

/** The documents of one run, as the agent of one launch reads and writes them. Rejects as the store does. */
export class RunDocuments {
  readonly keys: RunKeys;
  readonly #store: ObjectStore;
  readonly #place: DocumentPlace;

  constructor(store: ObjectStore, place: DocumentPlace) {
    this.#store = store;
    this.#place = place;
    this.keys = runKeys(place.run);
  }

  /** The spec with these bytes. Rejects with `not-as-launched` when there are others. */
  spec(sha256: string): Promise<RunSpec> {
    return this.#readWritten(runSpec, this.keys.spec, sha256);
  }

  /** The launch's intent with these bytes. Rejects with `not-as-launched` when there are others. */
  intent(sha256: string): Promise<LaunchIntent> {
    return this.#readWritten(launchIntent, this.keys.launch(this.#place.launch).intent, sha256);
  }

  /** Null too while a laptop replaces the capacity: its reference then says nothing of this machine. */
  async machines(): Promise<LaunchMachines | null> {
    const machines = await this.#read(launchMachines, this.keys.launch(this.#place.launch).machines);
    return machines === null || machines.replacing !== null ? null : machines;
  }

  launchOutcome(signal?: AbortSignal): Promise<LaunchOutcome | null> {
    return this.#read(launchOutcome, this.keys.launch(this.#place.launch).outcome, signal);
  }

  /** Null before the first checkpoint. */
  latest(signal?: AbortSignal): Promise<LatestPointer | null> {
    return this.#read(latestPointer, this.keys.latest, signal);
  }

  /** Written once: whoever is first decides. Resolves with the outcome that counts. */
  async endLaunch(outcome: LaunchOutcome, signal?: AbortSignal): Promise<LaunchOutcome> {
    const key = this.keys.launch(this.#place.launch).outcome;
    try {
      await this.#store.put(key, encodeDocument(launchOutcome, outcome), { when: { absent: true }, signal });
      return outcome;
    } catch (error) {
      if (!isStoreError(error, 'precondition')) throw error;
      // One that can't be read stands all the same.
      return (await this.launchOutcome(signal).catch(noneIfUnreadable)) ?? outcome;
    }
  }

  /** Written once: it tells of the first start in its generation. Resolves with false when it was there already. */
  putStarted(document: AttemptStarted, signal?: AbortSignal): Promise<boolean> {
    const { started } = this.#attempt(document.generation);
    return this.#create(started, encodeDocument(attemptStarted, document), signal);
  }

  /** Written once. Resolves with false when another event of this number is there. */
  async putLifeEvent(number: number, document: LifeEvent, signal?: AbortSignal): Promise<boolean> {
    const key = this.#attempt(document.generation).event(number);
    const bytes = encodeDocument(lifeEvent, document);
    if (await this.#create(key, bytes, signal)) return true;
    // The answer to an earlier try may have been lost.
    const { body } = await this.#store.get(key, { signal });
    return Buffer.compare(bytes, await collect(body)) === 0;
  }

  /** The number of the last event of this generation here; 0 before the first. */
  async lastLifeEvent(generation: number, signal?: AbortSignal): Promise<number> {
    let last = 0;
    for await (const { key } of this.#store.list({ prefix: this.#attempt(generation).eventsFolder, signal }))
      last = Math.max(last, parseLifeEventKey(`/${key}`)?.number ?? 0);
    return last;
  }

  putNotice(document: AttemptNotice, signal?: AbortSignal): Promise<void> {
    return this.#put(attemptNotice, this.#attempt(document.generation).notice, { document, signal });
  }

  putDrained(document: AttemptDrained, signal?: AbortSignal): Promise<void> {
    return this.#put(attemptDrained, this.#attempt(document.generation).drained, { document, signal });
  }

  putOutcome(document: AttemptOutcome, signal?: AbortSignal): Promise<void> {
    return this.#put(attemptOutcome, this.#attempt(document.generation).outcome, { document, signal });
  }

  putStatus(document: AttemptStatus, signal?: AbortSignal): Promise<void> {
    return this.#put(attemptStatus, this.#attempt(document.generation).status, { document, signal });
  }

  /** Attempts of this node before `generation`, newest first. */
  async *earlierAttempts(generation: number): AsyncIterable<EarlierAttempt> {
    for (const earlier of await this.#generationsBefore(generation)) {
      const keys = this.#attempt(earlier);
      yield {
        generation: earlier,
        status: await this.#read(attemptStatus, keys.status),
        outcome: await this.#read(attemptOutcome, keys.outcome),
      };
    }
  }

  /** The same with how each was stopped, at most `limit` of them. */
  async *earlierLives(generation: number, limit: number, signal: AbortSignal): AsyncIterable<EarlierLife> {
    for (const earlier of (await this.#generationsBefore(generation)).slice(0, limit)) {
      const keys = this.#attempt(earlier);
      const [status, outcome, drained] = await Promise.all([
        this.#read(attemptStatus, keys.status, signal),
        this.#read(attemptOutcome, keys.outcome, signal),
        this.#read(attemptDrained, keys.drained, signal),
      ]);
      yield { status, outcome, drained };
    }
  }

  /** Newest first. */
  async #generationsBefore(generation: number): Promise<readonly number[]> {
    const found = new Set<number>();
    for await (const info of this.#store.list({ prefix: this.keys.attemptsFolder })) {
      const parsed = parseAttemptKey(`/${info.key}`);
      if (parsed !== null && parsed.node === this.#place.node && parsed.generation < generation)
        found.add(parsed.generation);
    }
    return [...found].sort((a, b) => b - a);
  }

  /** Control documents whose keys are not `known`, by key, those for other launches included; null: gone, or unreadable. */
  async *control(
    known: ReadonlySet<string>,
    signal?: AbortSignal,
  ): AsyncIterable<{ readonly key: string; readonly document: ControlDocument | null }> {
    for await (const { key } of this.#store.list({ prefix: this.keys.controlFolder, signal })) {
      if (known.has(key)) continue;
      const document = await this.#read(controlDocument, key, signal).catch(noneIfUnreadable);
      yield { key, document };
    }
  }

  #attempt(generation: number): ReturnType<RunKeys['attempt']> {
    return this.keys.attempt(generation, this.#place.node);
  }

  async #readWritten<S extends z.ZodType>(schema: S, key: string, sha256: string): Promise<z.output<S>> {
    const bytes = await this.#store.get(key).then(({ body }) => collect(body), noneIfMissing);
    const found = bytes === null ? 'is not there' : `has SHA-256 ${sha256OfDocument(bytes)}`;
    if (bytes === null || sha256OfDocument(bytes) !== sha256)
      throw new RunctlError('not-as-launched', `${key} ${found}; the laptop wrote ${sha256}`, {
        hint: 'somebody with the rights of a machine changed it: look at what the script does in the bucket, then launch it anew',
      });
    return decodeDocument(schema, bytes, key);
  }

  async #read<S extends z.ZodType>(schema: S, key: string, signal?: AbortSignal): Promise<z.output<S> | null> {
    try {
      const { body } = await this.#store.get(key, { signal });
      return decodeDocument(schema, await collect(body), key);
    } catch (error) {
      return noneIfMissing(error);
    }
  }

  async #create(key: string, bytes: Uint8Array, signal: AbortSignal | undefined): Promise<boolean> {
    try {
      await this.#store.put(key, bytes, { when: { absent: true }, signal });
      return true;
    } catch (error) {
      if (isStoreError(error, 'precondition')) return false;
      throw error;
    }
  }

  async #put<S extends z.ZodType>(
    schema: S,
    key: string,
    { document, signal }: { readonly document: z.input<S>; readonly signal: AbortSignal | undefined },
  ): Promise<void> {
    await this.#store.put(key, encodeDocument(schema, document), { signal });
  }
}

function noneIfMissing(error: unknown): null {
  if (isStoreError(error, 'missing')) return null;
  throw error;
}

function noneIfUnreadable(error: unknown): null {
  if (isRunctlError(error)) return null;
  throw error;
}
