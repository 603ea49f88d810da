import type { Random } from './random.ts';

interface Entry {
  readonly atMs: number;
  /** Among entries of one instant, chance decides. */
  readonly turn: number;
  readonly run: () => void;
  cancelled: boolean;
}

/**
 * Simulated time, in true milliseconds. It stands still while anything can still run and then jumps to the next entry.
 * That is enough as long as all that runs waits only for promises and for this timeline.
 */
export class Timeline {
  nowMs = 0;
  events = 0;
  readonly #random: Random;
  readonly #heap: Entry[] = [];

  constructor(random: Random) {
    this.#random = random;
  }

  /** Returns the function that takes the entry back. */
  at(atMs: number, run: () => void): () => void {
    const entry = { atMs: Math.max(this.nowMs, atMs), turn: this.#random.next(), run, cancelled: false };
    this.#push(entry);
    return () => {
      entry.cancelled = true;
    };
  }

  after(ms: number, run: () => void): () => void {
    return this.at(this.nowMs + Math.max(0, ms), run);
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.after(ms, resolve);
    });
  }

  /** Runs until `isOver` or until nothing is left to come; fails past `limitMs`, since a world must come to an end. */
  async run(isOver: () => boolean, limitMs: number): Promise<void> {
    for (;;) {
      await settled();
      if (isOver()) return;
      const next = this.#pop();
      if (next === null) return;
      if (next.atMs > limitMs) throw new Error(`the world is not over after ${limitMs} ms`);
      this.nowMs = next.atMs;
      this.events++;
      next.run();
    }
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(entry);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(entry, heap[parent] as Entry)) break;
      heap[at] = heap[parent] as Entry;
      at = parent;
    }
    heap[at] = entry;
  }

  #pop(): Entry | null {
    for (;;) {
      const first = this.#heap[0];
      if (first === undefined) return null;
      const last = this.#heap.pop() as Entry;
      if (last !== first) this.#sink(last);
      if (!first.cancelled) return first;
    }
  }

  #sink(entry: Entry): void {
    const heap = this.#heap;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      const right = heap[child + 1];
      if (right !== undefined && isBefore(right, heap[child] as Entry)) child++;
      const below = heap[child];
      if (below === undefined || !isBefore(below, entry)) break;
      heap[at] = below;
      at = child;
    }
    heap[at] = entry;
  }
}

const isBefore = (a: Entry, b: Entry): boolean => a.atMs < b.atMs || (a.atMs === b.atMs && a.turn < b.turn);

/** Resolves when every promise callback that can run has run. */
export function settled(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
