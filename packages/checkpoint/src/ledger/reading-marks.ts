import { type Clock, type Log, messageOf, newNonce } from '@runctl/core';
import {
  type CheckpointOrder,
  encodeDocument,
  FORMAT_VERSION,
  parseReadingKey,
  readingMark,
  runKeys,
  timestampOf,
} from '@runctl/protocol';
import type { BucketAccess } from './commit.ts';

/** By the store's clock, since it was written last. */
const MARK_COUNTS_MS = 3_600_000;
const MARK_RENEWED_MS = 900_000;

export interface Reading extends BucketAccess {
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Does `work`, which reads a checkpoint, while a mark in the bucket keeps the lease's holder from deleting it. Who may not
 * write there reads all the same: nothing is deleted within an hour of when it was wanted.
 */
export async function whileReading<T>(reading: Reading, order: CheckpointOrder, work: () => Promise<T>): Promise<T> {
  const { store, run, clock, log, signal } = reading;
  const nonce = newNonce();
  const key = runKeys(run).reading(order, nonce);
  const over = new AbortController();
  const marked = markUntil(over.signal, {
    clock,
    put: async () => {
      const document = { version: FORMAT_VERSION, manifest: runKeys(run).manifest(order), nonce } as const;
      const body = encodeDocument(readingMark, { ...document, at: timestampOf(clock.wallMs()) });
      await store.put(key, body, { signal: AbortSignal.any([signal, over.signal]) });
    },
    failed: (error) => log.debug({ error: messageOf(error), key }, 'not marked as being read'),
  });
  try {
    return await work();
  } finally {
    over.abort();
    if (await marked) await store.delete([key], { signal }).catch(() => {});
  }
}

/** Whether a mark was ever written. */
async function markUntil(
  signal: AbortSignal,
  { clock, put, failed }: { clock: Clock; put: () => Promise<void>; failed: (error: unknown) => void },
): Promise<boolean> {
  let written = false;
  while (!signal.aborted) {
    await put().then(() => (written = true), failed);
    await clock.sleep(MARK_RENEWED_MS, signal).catch(() => {});
  }
  return written;
}

export interface ReadingMarks {
  /** Keys of the manifests that somebody reads now. */
  readonly reading: ReadonlySet<string>;
  /** Keys of marks that count no more. */
  readonly stale: readonly string[];
}

/** `nowMs` by the store's clock. */
export async function readingMarks({ store, run, signal }: BucketAccess, nowMs: number): Promise<ReadingMarks> {
  const keys = runKeys(run);
  const reading = new Set<string>();
  const stale: string[] = [];
  for await (const { key, lastModifiedMs } of store.list({ prefix: keys.readingFolder, signal })) {
    const order = parseReadingKey(key);
    if (order === null) continue;
    if (nowMs - lastModifiedMs > MARK_COUNTS_MS) stale.push(key);
    else reading.add(keys.manifest(order));
  }
  return { reading, stale };
}
