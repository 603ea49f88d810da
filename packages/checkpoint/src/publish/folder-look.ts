import type { Clock } from '@runctl/core';
import type { Manifest } from '@runctl/protocol';
import { type MovementFacts, type SeenClosed, shapeOf, shapeOfPublished } from '../recognise/judge.ts';
import { finished, observe, type Observations } from '../recognise/observations.ts';
import { keepable } from '../recognise/keepable.ts';
import type { Candidate, FileSeen, FolderTree, OpenWriters, Recogniser, WorkloadEnd } from '../recognise/recogniser.ts';
import { fingerprintOf, folderContext, type PassedOver, scanFolder } from '../recognise/scan.ts';
import { newestFirst } from './plan.ts';

export interface FolderLookOptions {
  readonly folder: string;
  readonly clock: Clock;
  readonly recognisers: readonly Recogniser[];
  readonly openWriters: OpenWriters;
  readonly settleMs: number;
}

export interface Looked {
  /** Newest first. */
  readonly candidates: readonly Candidate[];
  /** What is part of none of them, though it stands there under a name that counts. */
  readonly passedOver: readonly PassedOver[];
  /** What is known about their movement. */
  readonly facts: MovementFacts;
}

/** Looks at a checkpoint folder again and again, and remembers what tells whether something there is complete. */
export class FolderLook {
  readonly #options: FolderLookOptions;
  #observations: Observations = new Map();
  #seenClosed: SeenClosed = new Map();
  #expectedShape: ReadonlySet<string> | null = null;

  constructor(options: FolderLookOptions) {
    this.#options = options;
  }

  async look(ended: WorkloadEnd | null): Promise<Looked> {
    const { folder, clock, recognisers, settleMs } = this.#options;
    const tree = await scanFolder(folder);
    const nowMs = clock.monotonicMs();
    this.#observations = observe(this.#observations, tree, nowMs);
    if (ended === null) await this.#noteClosed(tree);
    const context = folderContext(folder);
    const recognised = recognisers.map((each) => each.recognise(tree, context)).find((some) => some.length > 0) ?? [];
    const facts = {
      observations: this.#observations,
      seenClosed: this.#seenClosed,
      nowMs,
      settleMs,
      ended,
      expectedShape: this.#expectedShape,
    };
    const { candidates, passedOver } = keepable(newestFirst(recognised), tree);
    return { candidates, passedOver, facts };
  }

  /** The files first, who writes to them second: whoever opens one after that changes it, or has not written yet. */
  async #noteClosed({ files }: FolderTree): Promise<void> {
    const { clock, openWriters } = this.#options;
    const before = this.#seenClosed;
    const unknown = files.filter((file) => before.get(file.path)?.fingerprint !== fingerprintOf(file));
    if (unknown.length === 0) return;
    const writers = await openWriters.among(unknown);
    if (writers === null) return;
    const atMs = clock.wallMs();
    const after = new Map(before);
    for (const file of unknown) {
      after.delete(file.path);
      if (!writers.has(file.inode)) after.set(file.path, { fingerprint: fingerprintOf(file), atMs });
    }
    const present = new Set(files.map((file) => file.path));
    this.#seenClosed = new Map(Array.from(after).filter(([path]) => present.has(path)));
  }

  /** These files, as they were seen, were found whole and with nobody writing to them. */
  finished(files: readonly FileSeen[]): void {
    this.#observations = finished(this.#observations, files);
  }

  /** The next checkpoints will have the files that this one has. */
  published(candidate: Candidate): void {
    this.#expectedShape = shapeOf(candidate.files);
  }

  /** As `published`, unless something was published from here already. */
  durable(manifest: Manifest): void {
    this.#expectedShape ??= shapeOfPublished(manifest);
  }
}
