import type { Clock } from '@runctl/core';
import type { Manifest } from '@runctl/protocol';
import { type MovementFacts, shapeOf, shapeOfPublished } from '../recognise/judge.ts';
import { observe, type Observations } from '../recognise/observations.ts';
import type { Candidate, Recogniser, WorkloadEnd } from '../recognise/recogniser.ts';
import { folderContext, scanFolder } from '../recognise/scan.ts';
import { newestFirst } from './plan.ts';

export interface FolderLookOptions {
  readonly folder: string;
  readonly clock: Clock;
  readonly recognisers: readonly Recogniser[];
  readonly settleMs: number;
}

/** Looks at a checkpoint folder again and again, and remembers what tells whether something there is complete. */
export class FolderLook {
  readonly #options: FolderLookOptions;
  #observations: Observations = new Map();
  #expectedShape: ReadonlySet<string> | null = null;

  constructor(options: FolderLookOptions) {
    this.#options = options;
  }

  /** Candidates, newest first, and what is known about their movement. */
  async look(
    ended: WorkloadEnd | null,
  ): Promise<{ readonly candidates: readonly Candidate[]; readonly facts: MovementFacts }> {
    const { folder, clock, recognisers, settleMs } = this.#options;
    const tree = await scanFolder(folder);
    const nowMs = clock.monotonicMs();
    this.#observations = observe(this.#observations, tree, nowMs);
    const context = folderContext(folder);
    const recognised = recognisers.map((each) => each.recognise(tree, context)).find((some) => some.length > 0) ?? [];
    const facts = { observations: this.#observations, nowMs, settleMs, ended, expectedShape: this.#expectedShape };
    return { candidates: newestFirst(recognised), facts };
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
