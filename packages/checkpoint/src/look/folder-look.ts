import type { Clock } from '@runctl/core';
import type { Manifest } from '@runctl/protocol';
import type { MovementFacts } from './movement.ts';
import { type Shape, shapeOf, shapeOfPublished } from './shape.ts';
import { finished, observe, type Observations } from './observations.ts';
import { keepable } from './keepable.ts';
import type { Candidate, FileSeen, OpenWriters, Recogniser, WorkloadEnd } from '../contract/recogniser.ts';
import type { PassedOver } from '../contract/passed-over.ts';
import { folderContext, scanFolder } from './scan.ts';
import { Arrivals } from './arrivals.ts';
import { newestFirst } from './plan.ts';

export interface FolderLookOptions {
  readonly folder: string;
  readonly clock: Clock;
  readonly recognisers: readonly Recogniser[];
  readonly openWriters: OpenWriters;
  readonly settleMs: number;
  /** Machines of the run, default 1. */
  readonly nodes?: number;
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
  readonly #arrivals: Arrivals;
  #observations: Observations = new Map();
  #expectedShape: Shape | null = null;

  constructor(options: FolderLookOptions) {
    this.#options = options;
    this.#arrivals = new Arrivals(options);
  }

  async look(ended: WorkloadEnd | null): Promise<Looked> {
    const { folder, clock, recognisers, settleMs } = this.#options;
    const tree = await scanFolder(folder);
    const nowMs = clock.monotonicMs();
    this.#observations = observe(this.#observations, tree, nowMs);
    if (ended === null) await this.#arrivals.look(tree);
    const context = folderContext(folder);
    const recognised = recognisers.map((each) => each.recognise(tree, context)).find((some) => some.length > 0) ?? [];
    const facts = {
      observations: this.#observations,
      seenClosed: this.#arrivals.seenClosed,
      arrived: this.#arrivals.arrived,
      nowMs,
      settleMs,
      ended,
      expectedShape: this.#expectedShape,
      candidates: recognised,
    };
    const { candidates, passedOver } = keepable(newestFirst(recognised), tree);
    return { candidates, passedOver, facts };
  }

  /** These files, as they were seen, were found whole and with nobody writing to them. */
  finished(files: readonly FileSeen[]): void {
    this.#observations = finished(this.#observations, files);
  }

  /** The next checkpoints will have the files that this one has. */
  published(candidate: Candidate): void {
    this.#expectedShape = this.#countable(shapeOf(candidate.files));
    this.#arrivals.published(candidate.files);
  }

  /** As `published`, unless something was published from here already. */
  durable(manifest: Manifest): void {
    this.#expectedShape ??= this.#countable(shapeOfPublished(manifest));
  }

  /** Of a run of several machines a restore brings everybody's shards, so that how many of a name this one writes is not known. */
  #countable(shape: Shape): Shape {
    if ((this.#options.nodes ?? 1) === 1) return shape;
    return new Map(Array.from(shape.keys(), (name) => [name, 1]));
  }
}
