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

/** Counts the bytes from the start that end with a whole line; a progress bar's `\r` ends one too. 0 when none does. */
export function wholeLines(bytes: Uint8Array): number {
  return Math.max(bytes.lastIndexOf(NEWLINE), bytes.lastIndexOf(CARRIAGE_RETURN)) + 1;
}

export function createLogShipper(options: LogShipperOptions): LogShipper {
  return new ChunkShipper(options);
}

interface Chunk {
  readonly offset: number;
  readonly raw: Uint8Array;
}

class ChunkShipper implements LogShipper {
  readonly #options: LogShipperOptions;
  readonly #chunkBytes: number;
  /** Null until the bucket was asked. */
  #shipped: number | null = null;
  /** A chunk whose upload was not confirmed is sent again as it was: it may be there already, and read already. */
  #unconfirmed: Chunk | null = null;
  #waitedAt = -1;
  #turn: Promise<void> = Promise.resolve();

  constructor(options: LogShipperOptions) {
    this.#options = options;
    this.#chunkBytes = options.chunkBytes ?? CHUNK_BYTES;
  }

  shippedBytes(): number {
    return this.#shipped ?? 0;
  }

  pass({ all = false, signal }: { readonly all?: boolean; readonly signal?: AbortSignal } = {}): Promise<void> {
    const pass = this.#turn.then(() => this.#passOnce(all, signal));
    this.#turn = pass.catch(() => {});
    return pass;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, everyMs, log } = this.#options;
    const startedMs = clock.monotonicMs();
    let failing = false;
    while (!signal.aborted) {
      try {
        await this.pass({ signal });
        failing = false;
      } catch (error) {
        if (!failing && !signal.aborted)
          log.warn({ error: messageOf(error) }, 'the log could not be shipped; trying again');
        failing = true;
      }
      const eager = clock.monotonicMs() - startedMs < EAGER_MS;
      await clock.sleep(eager ? Math.min(EAGER_EVERY_MS, everyMs) : everyMs, signal).catch(() => {});
    }
  }

  async #passOnce(all: boolean, signal: AbortSignal | undefined): Promise<void> {
    let offset = (this.#shipped ??= await this.#published(signal));
    if (this.#unconfirmed !== null) offset = await this.#upload(this.#unconfirmed, signal);
    for (;;) {
      const raw = await this.#nextChunk(offset, all);
      if (raw === null) return;
      offset = await this.#upload({ offset, raw }, signal);
      if (raw.length < this.#chunkBytes / 2 && !all) return;
    }
  }

  /** Reads what to send next from `offset`; null when the rest is to wait for its line to end. */
  async #nextChunk(offset: number, all: boolean): Promise<Uint8Array | null> {
    const raw = await readFrom(this.#options.path, offset, this.#chunkBytes);
    if (raw === null || raw.length === 0) return null;
    const whole = wholeLines(raw);
    if (whole > 0 && !all) return raw.subarray(0, whole);
    const patient = raw.length < PARTIAL_BYTES && this.#waitedAt !== offset && !all;
    this.#waitedAt = offset;
    return patient ? null : raw;
  }

  /** Resolves with where the published log ends then. */
  async #upload(chunk: Chunk, signal: AbortSignal | undefined): Promise<number> {
    const { generation, keys, node, store } = this.#options;
    this.#unconfirmed = chunk;
    const body = await compress(chunk.raw);
    let end = chunk.offset + chunk.raw.length;
    try {
      await store.put(keys.logChunk(generation, node, chunk.offset), body, { when: { absent: true }, signal });
    } catch (error) {
      if (!isStoreError(error, 'precondition')) throw error;
      // An earlier try did arrive, of this agent or of the one before it, which may have sent less: the bucket knows.
      end = await this.#published(signal);
    }
    this.#shipped = end;
    this.#unconfirmed = null;
    return end;
  }

  #published(signal: AbortSignal | undefined): Promise<number> {
    const { generation, keys, node, store } = this.#options;
    return publishedBytes(store, keys.logFolder(generation, node), signal);
  }
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

/** Finds where the published chunks end. Reads only the last one: its length is in its last four bytes (RFC 1952). */
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
