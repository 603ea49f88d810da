import type { Clock } from '@runctl/core';
import type { SeenClosed } from './movement.ts';
import type { FileSeen, FolderTree, OpenWriters } from '../contract/recogniser.ts';
import { fingerprintOf } from './scan.ts';

export interface ArrivalsOptions {
  readonly clock: Clock;
  readonly openWriters: OpenWriters;
}

/** What looks at a folder, while its script runs, have shown of files that come and are closed. */
export class Arrivals {
  readonly #options: ArrivalsOptions;
  #closed: SeenClosed = new Map();
  #present: ReadonlySet<string> | null = null;
  #arrived: ReadonlySet<string> = new Set();
  #published: ReadonlySet<string> = new Set();
  #writesAgain = false;
  #looks = 0;

  constructor(options: ArrivalsOptions) {
    this.#options = options;
  }

  /** See `MovementFacts`. */
  get seenClosed(): SeenClosed {
    return this.#closed;
  }

  /** See `MovementFacts`. */
  get arrived(): ReadonlySet<string> {
    return this.#writesAgain ? new Set() : this.#arrived;
  }

  /** Files of a checkpoint that is durable: a script that changes them now saves in more than one go. */
  published(files: readonly FileSeen[]): void {
    this.#published = new Set(files.map(({ path }) => path));
  }

  /**
   * The files first, who writes to them second: whoever opens one after that changes it, or has not written yet. A look that
   * another has overtaken notes nothing: it knows less.
   */
  async look({ files }: FolderTree): Promise<void> {
    const { clock, openWriters } = this.#options;
    const look = ++this.#looks;
    const changed = files.filter((file) => this.#closed.get(file.path)?.fingerprint !== fingerprintOf(file));
    const writers = changed.length === 0 ? null : await openWriters.among(changed);
    if (look !== this.#looks) return;
    const atMs = clock.wallMs();
    const present = new Set(files.map(({ path }) => path));
    const rewritten = new Set(changed.map(({ path }) => path).filter((path) => this.#closed.has(path)));
    const came = (path: string): boolean =>
      this.#arrived.has(path) || (this.#present !== null && !this.#present.has(path));
    this.#arrived = new Set(Array.from(present).filter((path) => came(path) && !rewritten.has(path)));
    this.#present = present;
    this.#writesAgain ||= Array.from(rewritten).some((path) => this.#published.has(path));
    const open = new Set(changed.filter(({ inode }) => writers?.has(inode) ?? true).map(({ path }) => path));
    const closedNow = changed.filter(({ path }) => !open.has(path));
    const before = Array.from(this.#closed).filter(([path]) => present.has(path) && !open.has(path));
    this.#closed = new Map([
      ...before,
      ...closedNow.map((file) => [file.path, { fingerprint: fingerprintOf(file), atMs }] as const),
    ]);
  }
}
