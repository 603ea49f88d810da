import type { LogEvent } from '@runctl/protocol/events';
import { parseLogKey, runKeys } from '@runctl/protocol';
import { readBytes, type ObjectInfo, type ObjectStore } from '@runctl/store';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { place } from './log-position.ts';

const unzip = promisify(gunzip);

export interface LogReaderOptions {
  readonly store: ObjectStore;
  readonly run: string;
  /** Leaves out chunks that were shipped before this time (epoch ms, the store's clock). */
  readonly sinceMs?: number;
}

interface LifeLog {
  position: number;
  lastKey: string;
  /** Nothing of this life was given yet: what is missing before its first chunk was left out on purpose. */
  fresh: boolean;
}

/** Reads the log of all lives of a run in order; what it gave once it never gives again. */
export interface LogReader {
  /** One pass: everything that arrived since the last. When it throws, the next goes on where this one stopped. */
  read(): AsyncGenerator<LogEvent>;
  /** How far the log of a life was given, in bytes. */
  position(generation: number, node: number): number;
  /** Takes what reached the laptop in another way (live): what of it is new, and it is not given again by `read`. */
  accept(piece: { generation: number; node: number; offset: number; bytes: Uint8Array }): readonly LogEvent[];
  /** Takes what these events hold, and all before it, as given. */
  skipTo(events: readonly LogEvent[]): void;
  /** No more is expected of lives up to this generation: they are not listed again. */
  close(generation: number): void;
}

export function createLogReader(options: LogReaderOptions): LogReader {
  const { store, run, sinceMs } = options;
  const lives = new LifeLogs(run);
  return {
    read: async function* () {
      for await (const info of store.list({ prefix: runKeys(run).logsFolder, startAfter: lives.startAfter() })) {
        const parsed = parseLogKey(info.key);
        if (parsed === null || parsed.generation <= lives.closedUpTo) continue;
        const life = lives.of(parsed);
        if (info.key <= life.lastKey) continue;
        const isOld = sinceMs !== undefined && info.lastModifiedMs < sinceMs;
        const bytes = isOld ? null : await chunkBytes(store, info);
        // Only now: a chunk that could not be read is asked for again by the next pass.
        life.lastKey = info.key;
        if (bytes !== null) yield* chunkEvents(life, { ...parsed, bytes }, sinceMs !== undefined);
      }
    },
    accept: (piece) => {
      const life = lives.of(piece);
      // Live bytes may be ahead of what was read; what lies between comes from the bucket.
      if (piece.offset > life.position) return [];
      return [...chunkEvents(life, piece, false)];
    },
    skipTo: (events) => {
      for (const event of events) {
        if (event.type !== 'log-bytes') continue;
        const life = lives.of(event);
        life.fresh = false;
        life.position = Math.max(life.position, event.offset + event.bytes.length);
        lives.close(event.generation - 1);
      }
    },
    position: (generation, node) => lives.position(generation, node),
    close: (generation) => lives.close(generation),
  };
}

/** How far the log of each life was read. */
class LifeLogs {
  readonly #run: string;
  readonly #lives = new Map<string, LifeLog>();
  #closedUpTo = 0;

  constructor(run: string) {
    this.#run = run;
  }

  /** Lives up to this generation are not read any more. */
  get closedUpTo(): number {
    return this.#closedUpTo;
  }

  of({ generation, node }: { readonly generation: number; readonly node: number }): LifeLog {
    const name = `${generation}/${node}`;
    const life = this.#lives.get(name) ?? { position: 0, lastKey: '', fresh: true };
    this.#lives.set(name, life);
    return life;
  }

  position(generation: number, node: number): number {
    return this.#lives.get(`${generation}/${node}`)?.position ?? 0;
  }

  close(generation: number): void {
    this.#closedUpTo = Math.max(this.#closedUpTo, generation);
  }

  /** Where the next listing begins: behind what was read of the oldest life that may still grow. */
  startAfter(): string | undefined {
    const open = [...this.#lives.entries()].filter(([name]) => Number(name.split('/')[0]) > this.#closedUpTo);
    const oldest = open.map(([, life]) => life.lastKey).sort()[0];
    const closed =
      this.#closedUpTo === 0
        ? ''
        : runKeys(this.#run)
            .logChunk(this.#closedUpTo + 1, 0, 0)
            .replace(/[^/]*$/, '');
    const after = oldest === undefined || oldest < closed ? closed : oldest;
    return after === '' ? undefined : after;
  }
}

function* chunkEvents(
  life: LifeLog,
  chunk: { generation: number; node: number; offset: number; bytes: Uint8Array },
  mayBeginLate: boolean,
): Generator<LogEvent> {
  const { generation, node, offset, bytes } = chunk;
  if (life.fresh && mayBeginLate) life.position = offset;
  life.fresh = false;
  const placed = place(life.position, { offset, sizeBytes: bytes.length });
  if (placed.gap !== null) yield { type: 'log-gap', generation, node, ...placed.gap };
  life.position = placed.position;
  if (placed.skip < bytes.length)
    yield { type: 'log-bytes', generation, node, offset: offset + placed.skip, bytes: bytes.subarray(placed.skip) };
}

async function chunkBytes(store: ObjectStore, info: ObjectInfo): Promise<Uint8Array> {
  return unzip(await readBytes(store, info.key));
}

/** The last `lines` lines of the log over all lives, as events in order. Reads from the end only what it needs. */
export async function readLogTail(options: LogReaderOptions, lines: number): Promise<readonly LogEvent[]> {
  const { store, run } = options;
  const infos: ObjectInfo[] = [];
  for await (const info of store.list({ prefix: runKeys(run).logsFolder })) infos.push(info);
  const chunks: LogEvent[] = [];
  let found = 0;
  for (const info of infos.reverse()) {
    const parsed = parseLogKey(info.key);
    if (parsed === null) continue;
    if (found > lines) break;
    const bytes = await chunkBytes(store, info);
    const next = chunks[0];
    // Overlaps are cut at the earlier chunk's end here, since reading goes backwards.
    const limit =
      next?.type === 'log-bytes' && next.generation === parsed.generation && next.node === parsed.node
        ? Math.max(0, Math.min(bytes.length, next.offset - parsed.offset))
        : bytes.length;
    if (limit > 0) chunks.unshift({ type: 'log-bytes', ...parsed, bytes: bytes.subarray(0, limit) });
    found += newlines(bytes.subarray(0, limit));
  }
  return cutToLines(chunks, lines);
}

function newlines(bytes: Uint8Array): number {
  let count = 0;
  for (let at = bytes.indexOf(10); at !== -1; at = bytes.indexOf(10, at + 1)) count++;
  return count;
}

/** Drops what stands before the last `lines` lines; a last line without its end counts as one. */
function cutToLines(chunks: readonly LogEvent[], lines: number): readonly LogEvent[] {
  const kept: LogEvent[] = [];
  let missing = lines;
  for (const chunk of [...chunks].reverse()) {
    if (chunk.type !== 'log-bytes') continue;
    const { bytes } = chunk;
    const endsTheLog = kept.length === 0 && bytes.at(-1) === 10;
    for (let at = endsTheLog ? bytes.length - 1 : bytes.length; (at = newlineBefore(bytes, at)) !== -1;) {
      missing--;
      if (missing > 0) continue;
      if (at + 1 < bytes.length)
        kept.unshift({ ...chunk, offset: chunk.offset + at + 1, bytes: bytes.subarray(at + 1) });
      return kept;
    }
    kept.unshift(chunk);
  }
  return kept;
}

function newlineBefore(bytes: Uint8Array, end: number): number {
  return end > 0 ? bytes.lastIndexOf(10, end - 1) : -1;
}
