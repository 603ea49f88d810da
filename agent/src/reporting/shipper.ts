import { open } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { type Clock, type Log, messageOf } from '@runctl/core';
import { parseLogKey, type RunKeys } from '@runctl/protocol';
import { collect, isStoreError, type ObjectInfo, type ObjectStore } from '@runctl/store';
import { Patience } from '../checkpoints/refusals.ts';

export interface LogShipperOptions {
  readonly store: ObjectStore;
  readonly keys: RunKeys;
  readonly generation: number;
  readonly node: number;
  /** The log on this machine; need not exist yet. */
  readonly path: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Regular cadence; the first `EAGER_MS` go by `EAGER_EVERY_MS`, since somebody usually watches a start. */
  readonly everyMs: number;
  /** Largest chunk in uncompressed bytes (default 4 MiB). */
  readonly chunkBytes?: number;
}

/**
 * Copies the log to the bucket as byte ranges: each key's offset is where its uncompressed bytes begin, chunks follow each
 * other without gap or overlap. A restarted agent takes its position from what is published.
 */
export interface LogShipper {
  /** Uncompressed bytes that are in the bucket. */
  shippedBytes(): number;
  /** Ships what is complete lines; rejects when the store does. A call during another waits for its turn. */
  pass(options?: { readonly all?: boolean; readonly signal?: AbortSignal }): Promise<void>;
  /** Passes until the signal fires. Never rejects. */
  run(signal: AbortSignal): Promise<void>;
}

const EAGER_MS = 30_000;
const EAGER_EVERY_MS = 1000;
const CHUNK_BYTES = 4 * 1024 * 1024;
/** Less than this without an end of line waits for more, once. */
const PARTIAL_BYTES = 64 * 1024;
const NEWLINE = 10;
const CARRIAGE_RETURN = 13;
const compress = (raw: Uint8Array): Promise<Uint8Array> => promisify(gzip)(raw, { level: 1 });

/** How many bytes from the start end with a whole line; a progress bar's `\r` ends one too. 0 when none does. */
export function wholeLines(bytes: Uint8Array): number {
  return Math.max(bytes.lastIndexOf(NEWLINE), bytes.lastIndexOf(CARRIAGE_RETURN)) + 1;
}

export function createLogShipper(options: LogShipperOptions): LogShipper {
  const { store, keys, generation, node, path, clock, log } = options;
  const chunkBytes = options.chunkBytes ?? CHUNK_BYTES;
  let shipped: number | null = null;
  /** A chunk whose upload was not confirmed is sent again as it was: it may be there already, and read already. */
  let unconfirmed: { readonly offset: number; readonly raw: Uint8Array } | null = null;
  let waitedAt = -1;
  let turn: Promise<void> = Promise.resolve();

  const upload = async (chunk: { offset: number; raw: Uint8Array }, signal: AbortSignal | undefined): Promise<void> => {
    unconfirmed = chunk;
    const key = keys.logChunk(generation, node, chunk.offset);
    const body = await compress(chunk.raw);
    try {
      await store.put(key, body, { when: { absent: true }, signal });
      shipped = chunk.offset + chunk.raw.length;
    } catch (error) {
      if (!isStoreError(error, 'precondition')) throw error;
      // An earlier try did arrive, of this agent or of the one before it, which may have sent less: the bucket knows.
      shipped = await publishedBytes(store, keys.logFolder(generation, node), signal);
    }
    unconfirmed = null;
  };

  /** What to send next from `offset`; null when the rest is to wait for its line to end. */
  const nextChunk = async (offset: number, all: boolean): Promise<Uint8Array | null> => {
    const raw = await readFrom(path, offset, chunkBytes);
    if (raw === null || raw.length === 0) return null;
    const whole = wholeLines(raw);
    if (whole > 0 && !all) return raw.subarray(0, whole);
    const patient = raw.length < PARTIAL_BYTES && waitedAt !== offset && !all;
    waitedAt = offset;
    return patient ? null : raw;
  };

  const passOnce = async (all: boolean, signal: AbortSignal | undefined): Promise<void> => {
    shipped ??= await publishedBytes(store, keys.logFolder(generation, node), signal);
    if (unconfirmed !== null) await upload(unconfirmed, signal);
    for (;;) {
      const raw = await nextChunk(shipped, all);
      if (raw === null) return;
      await upload({ offset: shipped, raw }, signal);
      if (raw.length < chunkBytes / 2 && !all) return;
    }
  };

  const pass: LogShipper['pass'] = ({ all = false, signal } = {}) => {
    const mine = turn.then(() => passOnce(all, signal));
    turn = mine.catch(() => {});
    return mine;
  };

  return {
    shippedBytes: () => shipped ?? 0,
    pass,
    async run(signal) {
      const startedMs = clock.monotonicMs();
      let failing = false;
      while (!signal.aborted) {
        try {
          await pass({ signal });
          failing = false;
        } catch (error) {
          if (!failing && !signal.aborted)
            log.warn({ error: messageOf(error) }, 'the log could not be shipped; trying again');
          failing = true;
        }
        const eager = clock.monotonicMs() - startedMs < EAGER_MS;
        await clock.sleep(eager ? Math.min(EAGER_EVERY_MS, options.everyMs) : options.everyMs, signal).catch(() => {});
      }
    },
  };
}

const REST_RETRY_MS = 500;

export interface ShipRestOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** See `PatienceOptions`. */
  readonly giveUpMs: number | null;
}

/** Ships all that is left, again and again until it is there (true), is given up or the signal fires (false). Never rejects. */
export async function shipRest(
  shipper: LogShipper,
  { clock, log, signal, giveUpMs }: ShipRestOptions,
): Promise<boolean> {
  const patience = new Patience({ clock, pauseMs: REST_RETRY_MS, giveUpMs });
  for (let failing = false; !signal.aborted; failing = true) {
    try {
      await shipper.pass({ all: true, signal });
      return true;
    } catch (error) {
      if (!failing) log.warn({ error: messageOf(error) }, 'the end of the log could not be shipped yet; trying again');
      const pause = patience.after(error);
      if (pause === null) return false;
      await clock.sleep(pause, signal).catch(() => {});
    }
  }
  return false;
}

/** Where the published chunks end. Only the last one is looked at: its length is in its last four bytes (RFC 1952). */
async function publishedBytes(store: ObjectStore, folder: string, signal: AbortSignal | undefined): Promise<number> {
  let last: ObjectInfo | null = null;
  for await (const info of store.list({ prefix: folder, signal })) last = info;
  const parsed = last === null ? null : parseLogKey(`/${last.key}`);
  if (last === null || parsed === null) return 0;
  const range = { start: last.sizeBytes - 4, end: last.sizeBytes };
  const { body } = await store.get(last.key, { range, signal });
  return parsed.offset + Buffer.from(await collect(body)).readUInt32LE(0);
}

async function readFrom(path: string, offset: number, limit: number): Promise<Uint8Array | null> {
  const file = await open(path, 'r').catch(() => null);
  if (file === null) return null;
  try {
    const { size } = await file.stat();
    const buffer = Buffer.allocUnsafe(Math.max(0, Math.min(limit, size - offset)));
    const { bytesRead } = await file.read(buffer, 0, buffer.length, offset);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
