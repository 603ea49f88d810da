import { mkdir, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { silentLog } from '@runctl/core';
import { decodeDocument, type LatestPointer, latestPointer, runKeys } from '@runctl/protocol';
import { isStoreError, MemoryStore, type ObjectStore, readBytes } from '@runctl/store';
import { FakeClock, temporaryFolder } from '@runctl/testkit';
import type { PassOptions, PassReport, Publisher, PublisherOptions } from '../contract/publisher-port.ts';
import { plainRecogniser } from '../recognise/plain.ts';
import type { OpenWriters } from '../contract/recogniser.ts';
import { restoreLatest } from '../restore/restore.ts';
import type { RestoredCheckpoint, RestoreOptions } from '../contract/restore-port.ts';
import { createPublisher } from '../shards/create-publisher.ts';

export { zipOf } from '@runctl/testkit';

export const RUN = 'r-abcdefghij';
export const SETTLE_MS = 2000;
export const never = new AbortController().signal;
const nobodyWrites: OpenWriters = { among: () => Promise.resolve(new Set<string>()) };

/** A bucket in memory, a real checkpoint folder and a clock that only tests move. */
export interface World extends AsyncDisposable {
  readonly clock: FakeClock;
  readonly store: ObjectStore;
  readonly root: string;
  readonly folder: string;
  write(path: string, content: string | Uint8Array, ageMs?: number): Promise<void>;
  /** Writes beside the place and renames, so that the path never shows a part. */
  replace(path: string, content: string | Uint8Array): Promise<void>;
  publisher(options?: Partial<PublisherOptions>): Publisher;
  /** Two passes a settling time apart: what is complete and still is published by the second. */
  settleAndPass(publisher: Publisher, options?: Partial<PassOptions>): Promise<PassReport>;
  pointer(): Promise<LatestPointer | null>;
  keys(prefix?: string): Promise<string[]>;
  restore(options?: Partial<RestoreOptions>): Promise<RestoredCheckpoint | null>;
}

export async function openWorld(given: { store?: ObjectStore; clock?: FakeClock } = {}): Promise<World> {
  const clock = given.clock ?? new FakeClock();
  const store = given.store ?? new MemoryStore({ clock });
  const temporary = await temporaryFolder('checkpoint');
  const folder = join(temporary.path, 'checkpoints');
  await mkdir(folder);
  const place = (path: string): string => join(folder, path);
  const write = async (path: string, content: string | Uint8Array, ageMs = 0): Promise<void> => {
    await mkdir(dirname(place(path)), { recursive: true });
    await writeFile(place(path), content);
    const seconds = (clock.wallMs() - ageMs) / 1000;
    await utimes(place(path), seconds, seconds);
  };
  return {
    clock,
    store,
    root: temporary.path,
    folder,
    write,
    replace: async (path, content) => {
      await write(`${path}.tmp`, content);
      await rename(place(`${path}.tmp`), place(path));
    },
    publisher: (options = {}) =>
      createPublisher({
        store,
        run: RUN,
        folder,
        node: 0,
        clock,
        log: silentLog,
        recognisers: [plainRecogniser],
        openWriters: nobodyWrites,
        settleMs: SETTLE_MS,
        mayPublish: () => ({ generation: 1 }),
        ...options,
      }),
    settleAndPass: async (publisher, options = {}) => {
      await publisher.pass({ signal: never, ...options });
      await clock.advance(SETTLE_MS);
      const report = await publisher.pass({ signal: never, ...options });
      await publisher.settled();
      return report;
    },
    pointer: async () => {
      const key = runKeys(RUN).latest;
      try {
        return decodeDocument(latestPointer, await readBytes(store, key), key);
      } catch (error) {
        if (isStoreError(error, 'missing')) return null;
        throw error;
      }
    },
    keys: async (prefix = '') => {
      const keys: string[] = [];
      for await (const { key } of store.list({ prefix })) keys.push(key);
      return keys;
    },
    restore: (options = {}) =>
      restoreLatest({ store, run: RUN, folder, clock, log: silentLog, signal: never, ...options }),
    [Symbol.asyncDispose]: () => rm(temporary.path, { recursive: true, force: true }),
  };
}
