import type { GetOptions, ListOptions, ObjectInfo, ObjectStore, ReadResult } from '../port/object-store.ts';
import { abortedError } from '../port/semantics.ts';
import { DecoratedStore } from './decorated-store.ts';

/**
 * Lets `concurrency` calls run at once, the others wait their turn. A reading counts until its body is read or left;
 * a listing counts while it fetches, not while its reader works.
 */
export function limited(store: ObjectStore, concurrency: number): ObjectStore {
  return new LimitedStore(store, new Slots(concurrency));
}

class Slots {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(count: number) {
    this.#free = count;
  }

  /** Resolves with the function that gives the slot back; calling it again does nothing. */
  async take(signal: AbortSignal | undefined): Promise<() => void> {
    if (signal?.aborted) throw abortedError(signal);
    if (this.#free > 0) this.#free--;
    else await this.#turn(signal);
    let given = false;
    return () => {
      if (given) return;
      given = true;
      const next = this.#waiting.shift();
      if (next === undefined) this.#free++;
      else next();
    };
  }

  #turn(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const begin = () => {
        signal?.removeEventListener('abort', leave);
        resolve();
      };
      const leave = () => {
        this.#waiting.splice(this.#waiting.indexOf(begin), 1);
        if (signal !== undefined) reject(abortedError(signal));
      };
      signal?.addEventListener('abort', leave, { once: true });
      this.#waiting.push(begin);
    });
  }
}

class LimitedStore extends DecoratedStore {
  readonly #slots: Slots;

  constructor(inner: ObjectStore, slots: Slots) {
    super(inner, async ({ signal }, perform) => {
      const giveBack = await slots.take(signal);
      try {
        return await perform();
      } finally {
        giveBack();
      }
    });
    this.#slots = slots;
  }

  override async get(key: string, options: GetOptions = {}): Promise<ReadResult> {
    const giveBack = await this.#slots.take(options.signal);
    try {
      const result = await this.inner.get(key, options);
      return { ...result, body: finallyDo(result.body, giveBack) };
    } catch (error) {
      giveBack();
      throw error;
    }
  }

  override list(options: ListOptions): AsyncIterable<ObjectInfo> {
    return this.#paced(super.list(options), options.signal);
  }

  override listFolders(options: ListOptions): AsyncIterable<string> {
    return this.#paced(super.listFolders(options), options.signal);
  }

  async *#paced<T>(items: AsyncIterable<T>, signal: AbortSignal | undefined): AsyncIterable<T> {
    const iterator = items[Symbol.asyncIterator]();
    try {
      for (;;) {
        const giveBack = await this.#slots.take(signal);
        const step = await iterator.next().finally(giveBack);
        if (step.done === true) return;
        yield step.value;
      }
    } finally {
      await iterator.return?.();
    }
  }
}

async function* finallyDo(chunks: AsyncIterable<Uint8Array>, after: () => void): AsyncIterable<Uint8Array> {
  try {
    yield* chunks;
  } finally {
    after();
  }
}
