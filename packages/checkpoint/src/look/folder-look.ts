import type { Manifest } from '@runctl/protocol';
import type { MovementFacts } from './movement.ts';
import { isNumbered, type Shape, shapeOfPublished, shapeOfSave } from './shape.ts';
import { keepable } from './keepable.ts';
import type { Candidate, Recogniser, WorkloadEnd } from '../contract/recogniser.ts';
import type { PassedOver } from '../contract/passed-over.ts';
import { folderContext } from './scan.ts';
import type { FolderSightings } from './folder-sightings.ts';
import { NamesMemory, withNamedFiles } from './along.ts';
import { KnownSaves } from './known-saves.ts';
import { Succession } from './succession.ts';
import { Unrest } from './unrest.ts';
import { newestFirst } from './plan.ts';

export interface FolderLookOptions {
  readonly folder: string;
  readonly recognisers: readonly Recogniser[];
  readonly settleMs: number;
  /** Machines of the run, default 1. */
  readonly nodes?: number;
}

/** The candidates that one look at a folder has found. */
export interface FolderCandidates {
  /** Newest first. */
  readonly candidates: readonly Candidate[];
  /** Files that are part of none of them, though their names count. */
  readonly passedOver: readonly PassedOver[];
  readonly facts: MovementFacts;
}

/** Finds the candidates in a checkpoint folder, and remembers which files the last published one had. */
export class FolderLook {
  readonly #options: FolderLookOptions;
  readonly #sightings: FolderSightings;
  readonly saves = new KnownSaves();
  readonly #names = new NamesMemory();
  readonly #succession = new Succession();
  readonly #unrest = new Unrest();
  #expectedShape: Shape | null = null;
  #numberedShape: Shape | null = null;
  #paths: readonly string[] = [];

  constructor(options: FolderLookOptions, sightings: FolderSightings) {
    this.#options = options;
    this.#sightings = sightings;
  }

  /** What the last look found in the folder. */
  get paths(): readonly string[] {
    return this.#paths;
  }

  /** Looks at the folder once and recognises candidates. Rejects as `FolderSightings.look` does. */
  async candidates(ended: WorkloadEnd | null): Promise<FolderCandidates> {
    const { folder, recognisers, settleMs } = this.#options;
    const { tree, nowMs } = await this.#sightings.look();
    this.#paths = tree.files.map(({ path }) => path);
    if (ended === null) await this.#sightings.noteWriters();
    const context = folderContext(folder);
    const own = recognisers.map((each) => each.recognise(tree, context)).find((some) => some.length > 0) ?? [];
    if (this.#sightings.sawRotation) this.saves.noteOwnRetention();
    const recognised = withNamedFiles(own, tree, this.#names.namesIn(tree.files, context));
    this.saves.noteOnDisk(recognised);
    this.#succession.note(recognised);
    const known = this.#sightings.known();
    if (ended === null) this.#unrest.note({ ...known, nowMs, settleMs });
    const facts = {
      succeededShape: this.#succession.shape,
      lostBy: (candidate: Candidate) => this.#succession.lostBy(candidate),
      isRestless: (path: string) => this.#unrest.isRestless(path, { settleMs }),
      ...known,
      nowMs,
      settleMs,
      ended,
      expectedShape: this.#expectedShape,
      numberedShape: this.#numberedShape,
      candidates: recognised,
    };
    const { candidates, passedOver } = keepable(newestFirst(recognised), tree);
    return { candidates, passedOver, facts };
  }

  /** Notes a published candidate: the next checkpoints will have the files that it has. */
  notePublished(candidate: Candidate): void {
    const isThinned = this.#succession.lostBy(candidate) !== null;
    if (!isThinned) this.#expect(this.#countable(shapeOfSave(candidate.files)));
    this.#sightings.published(candidate);
  }

  /** As `notePublished`, for the manifest in the bucket, unless something was published from here already. */
  noteDurable(manifest: Manifest): void {
    if (this.#expectedShape === null) this.#expect(this.#countable(shapeOfPublished(manifest)));
    this.noteSaved(manifest);
  }

  /** Notes that the bucket holds these files: where one that bears a step goes away, the script rotates its saves. */
  noteSaved({ files }: Pick<Manifest, 'files'>): void {
    this.#sightings.durable(files.map(({ path }) => path));
  }

  #expect(shape: Shape | null): void {
    if (shape === null) return;
    this.#expectedShape = shape;
    if (isNumbered(shape)) this.#numberedShape = shape;
  }

  /** Of a run of several machines a restore brings everybody's shards, so that how many of a name this one writes is not known. */
  #countable(shape: Shape | null): Shape | null {
    if (shape === null || (this.#options.nodes ?? 1) === 1) return shape;
    return new Map(Array.from(shape.keys(), (name) => [name, 1]));
  }
}
