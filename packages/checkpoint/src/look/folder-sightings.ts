import type { Clock } from '@runctl/core';
import type { ContentHashes } from '@runctl/store';
import type { Candidate, FileSeen, OpenWriters } from '../contract/recogniser.ts';
import { type FileBytes, structureOf, type StructureFinding } from '../formats/structure.ts';
import type { MovementFacts } from './movement.ts';
import { stepEntryOf } from './names.ts';
import { fingerprintOf, type ScannedFolder, scanFolder } from './scan.ts';
import { finished, observe, type Sighting, type Sightings } from './sightings.ts';

export interface FolderSightingsOptions {
  readonly folder: string;
  readonly clock: Clock;
  readonly openWriters: OpenWriters;
}

const NONE: Sightings = new Map();

/** The result of one look. */
export interface FolderLooked {
  readonly tree: ScannedFolder;
  /** All sightings, this look's included. */
  readonly sightings: Sightings;
  /** Monotonic time right after the scan. */
  readonly nowMs: number;
}

/**
 * Looks at one checkpoint folder and remembers what the looks have shown of its files. The passes and the upload of
 * growing files share one instance. It alone changes the sightings; its readers get snapshots, in which later looks
 * change nothing.
 */
export class FolderSightings {
  readonly #options: FolderSightingsOptions;
  #sightings: Sightings | null = null;
  #looking: Promise<unknown> = Promise.resolve();
  #next: Promise<FolderLooked> | null = null;
  /** How many calls of `noteWriters` have begun. */
  #passes = 0;
  #hasNoted = false;
  /** Paths of the checkpoint that was published last. */
  #published: ReadonlySet<string> = new Set();
  /** Paths that bear a step and were durable while they were here. */
  readonly #saved = new Set<string>();
  #sawRotation = false;
  /** True for good once a published file changed after a pass had found it closed. */
  #writesAgain = false;
  #index: { readonly of: Sightings; readonly byInode: ReadonlyMap<string, Sighting> } | null = null;

  constructor(options: FolderSightingsOptions) {
    this.#options = options;
  }

  /** The sightings as of now; empty before the first look. */
  get sightings(): Sightings {
    return this.#sightings ?? NONE;
  }

  /** A snapshot to judge candidates by. `arrived` is empty once the script has rewritten a file that was published. */
  known(): Pick<MovementFacts, 'sightings' | 'arrived'> {
    const { sightings } = this;
    const writesAgain = this.#writesAgain;
    return { sightings, arrived: { has: (path) => !writesAgain && sightings.get(path)?.arrived === true } };
  }

  /**
   * Looks at the folder once. Looks run one after another, and all calls that come while a look waits for its turn
   * share that look. Rejects as `scanFolder` does.
   */
  look(): Promise<FolderLooked> {
    if (this.#next !== null) return this.#next;
    const look = this.#looking.then(() => {
      this.#next = null;
      return this.#scan();
    });
    this.#next = look;
    this.#looking = look.catch(() => {});
    return look;
  }

  /**
   * Checks which of the files that the last look found are open for writing, and drops the sightings of files that are
   * gone. Called by each pass while the workload runs, after its look: a process that opens a file after this check
   * has either not written yet, or its change shows at the next look. A call during which a newer one has begun
   * changes nothing, since the newer one knows more.
   */
  async noteWriters(): Promise<void> {
    const { clock, openWriters } = this.#options;
    const pass = ++this.#passes;
    const present = Array.from(this.sightings.values()).filter(({ present, unfinished }) => present && !unfinished);
    const files = present.filter((each) => !isKnownClosed(each)).map(({ file }) => file);
    const writers = files.length === 0 ? null : await openWriters.among(files);
    if (pass !== this.#passes) return;
    const isOpen = ({ inode }: FileSeen): boolean => writers?.has(inode) ?? true;
    this.#notePass(present, { isFirst: !this.#hasNoted, isOpen, atMs: clock.wallMs() });
  }

  /** The sighting of the file with this inode, under whatever name; null when the last look did not find it. */
  ofInode(inode: string): Sighting | null {
    return this.byInode().get(inode) ?? null;
  }

  /** All files that the last look found, unfinished ones included. */
  byInode(): ReadonlyMap<string, Sighting> {
    const { sightings } = this;
    if (this.#index?.of !== sightings) {
      const present = Array.from(sightings.values()).filter((sighting) => sighting.present);
      this.#index = { of: sightings, byInode: new Map(present.map((sighting) => [sighting.file.inode, sighting])) };
    }
    return this.#index.byInode;
  }

  /** The hashes of the file's bytes; null when they were not read, or the file has changed since. */
  contentOf(file: FileSeen): ContentHashes | null {
    return this.#as(file)?.content.hashes ?? null;
  }

  /** Keeps the hashes for `contentOf`, unless the file has changed since it was seen. */
  noteContent(file: FileSeen, hashes: ContentHashes): void {
    const sighting = this.#as(file);
    if (sighting !== null) sighting.content.hashes = hashes;
  }

  /** What the file's format says of it. Reads `bytes` only when no finding is kept for the file as it was seen. */
  async structureOf(file: FileSeen, bytes: FileBytes): Promise<StructureFinding> {
    const sighting = this.#as(file);
    const finding = sighting?.structure.finding ?? (await structureOf(file.path, bytes));
    if (sighting !== null) sighting.structure.finding = finding;
    return finding;
  }

  /** The sighting of the file; null when it has changed since it was seen. */
  #as(file: FileSeen): Sighting | null {
    const sighting = this.sightings.get(file.path);
    return sighting?.fingerprint === fingerprintOf(file) ? sighting : null;
  }

  /** Marks these files as finished: whole, and not open for writing. Leaves out those that have changed since. */
  finished(files: readonly FileSeen[]): void {
    this.#sightings = finished(this.sightings, files);
  }

  /** Notes the files of a published checkpoint: a change of one of them shows that a save takes several goes. */
  published({ files }: Candidate): void {
    this.#published = new Set(files.map(({ path }) => path));
    this.durable(Array.from(this.#published));
  }

  /** Notes paths that are durable: where one that bears a step goes away, the script rotates its saves. */
  durable(paths: readonly string[]): void {
    for (const path of paths) if (stepEntryOf(path) !== null) this.#saved.add(path);
  }

  /** Whether a durable save of a step was deleted while others stayed. A folder that is emptied shows no rotation. */
  get sawRotation(): boolean {
    return this.#sawRotation;
  }

  async #scan(): Promise<FolderLooked> {
    const tree = await scanFolder(this.#options.folder, { unfinished: true });
    const nowMs = this.#options.clock.monotonicMs();
    this.#sightings = observe(this.#sightings, tree, nowMs);
    this.#noteRotation(this.#sightings);
    return { tree, sightings: this.#sightings, nowMs };
  }

  #noteRotation(sightings: Sightings): void {
    const gone = Array.from(this.#saved).filter((path) => sightings.get(path)?.present === false);
    for (const path of gone) this.#saved.delete(path);
    if (gone.length > 0)
      this.#sawRotation ||= Array.from(this.#saved).some((path) => sightings.get(path)?.present === true);
  }

  #notePass(
    present: readonly Sighting[],
    pass: { readonly isFirst: boolean; readonly isOpen: (file: FileSeen) => boolean; readonly atMs: number },
  ): void {
    const after = new Map(Array.from(this.sightings).filter(([, { present }]) => present));
    for (const sighting of present) {
      const { path } = sighting.file;
      const now = after.get(path);
      if (now === undefined) continue;
      const isRewritten = !isKnownClosed(sighting) && sighting.closed !== null;
      this.#writesAgain ||= isRewritten && this.#published.has(path);
      const came = sighting.arrived || (!pass.isFirst && !sighting.inPass);
      after.set(path, { ...now, closed: closedAfter(sighting, pass), arrived: came && !isRewritten, inPass: true });
    }
    this.#sightings = after;
    this.#hasNoted = true;
  }
}

/** Whether a pass has found this version of the file closed. */
function isKnownClosed({ closed, fingerprint }: Sighting): boolean {
  return closed?.fingerprint === fingerprint;
}

/** The closed version after a pass; null when the file is open for writing now. */
function closedAfter(
  sighting: Sighting,
  { isOpen, atMs }: { readonly isOpen: (file: FileSeen) => boolean; readonly atMs: number },
): Sighting['closed'] {
  if (isKnownClosed(sighting)) return sighting.closed;
  return isOpen(sighting.file) ? null : { fingerprint: sighting.fingerprint, atMs };
}
