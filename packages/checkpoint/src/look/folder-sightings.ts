import type { Clock } from '@runctl/core';
import type { ContentHashes } from '@runctl/store';
import type { Candidate, FileSeen, OpenWriters } from '../contract/recogniser.ts';
import { type FileBytes, structureOf, type StructureFinding } from '../formats/structure.ts';
import type { MovementFacts } from './movement.ts';
import { fingerprintOf, type ScannedFolder, scanFolder } from './scan.ts';
import { finished, observe, type Sighting, type Sightings } from './sightings.ts';

export interface FolderSightingsOptions {
  readonly folder: string;
  readonly clock: Clock;
  readonly openWriters: OpenWriters;
}

const NONE: Sightings = new Map();

export interface FolderLooked {
  readonly tree: ScannedFolder;
  readonly sightings: Sightings;
  /** Monotonic, when the tree had been seen. */
  readonly nowMs: number;
}

/**
 * All that is known of the files of one folder by looking at it. The one writer of sightings: the passes, and the loop that
 * uploads what grows, look through it and get values.
 */
export class FolderSightings {
  readonly #options: FolderSightingsOptions;
  #sightings: Sightings | null = null;
  #looking: Promise<unknown> = Promise.resolve();
  #next: Promise<FolderLooked> | null = null;
  #passes = 0;
  #hasNoted = false;
  #published: ReadonlySet<string> = new Set();
  #writesAgain = false;
  #index: { readonly of: Sightings; readonly byInode: ReadonlyMap<string, Sighting> } | null = null;

  constructor(options: FolderSightingsOptions) {
    this.#options = options;
  }

  /** What is known now. */
  get sightings(): Sightings {
    return this.#sightings ?? NONE;
  }

  /** The same, for judging: no later look changes it. */
  known(): Pick<MovementFacts, 'sightings' | 'arrived'> {
    const { sightings } = this;
    const writesAgain = this.#writesAgain;
    return { sightings, arrived: { has: (path) => !writesAgain && sightings.get(path)?.arrived === true } };
  }

  /**
   * One look at the folder. Looks go one after another; who asks while another waits for its turn shares its look. Rejects
   * as `scanFolder` does.
   */
  look(): Promise<FolderLooked> {
    if (this.#next !== null) return this.#next;
    const look = this.#looking.then(() => {
      this.#next = null;
      return this.#look();
    });
    this.#next = look;
    this.#looking = look.catch(() => {});
    return look;
  }

  /**
   * Notes, for a pass whose workload runs, who writes to the files that the last look found. The files first, who writes to
   * them second: whoever opens one after that changes it, or has not written yet. A pass that another has overtaken notes
   * nothing: it knows less.
   */
  async noteWriters(): Promise<void> {
    const { clock, openWriters } = this.#options;
    const pass = ++this.#passes;
    const seen = Array.from(this.sightings.values()).filter(({ present, unfinished }) => present && !unfinished);
    const files = seen.filter((each) => !isKnownClosed(each)).map(({ file }) => file);
    const writers = files.length === 0 ? null : await openWriters.among(files);
    if (pass !== this.#passes) return;
    const isOpen = ({ inode }: FileSeen): boolean => writers?.has(inode) ?? true;
    this.#notePass(seen, { isFirst: !this.#hasNoted, isOpen, atMs: clock.wallMs() });
  }

  /** The last sighting of a file that is there now, under whatever name. */
  ofInode(inode: string): Sighting | null {
    return this.byInode().get(inode) ?? null;
  }

  /** All files that the last look found, those that are part of no checkpoint yet among them. */
  byInode(): ReadonlyMap<string, Sighting> {
    const { sightings } = this;
    if (this.#index?.of !== sightings) {
      const present = Array.from(sightings.values()).filter((sighting) => sighting.present);
      this.#index = { of: sightings, byInode: new Map(present.map((sighting) => [sighting.file.inode, sighting])) };
    }
    return this.#index.byInode;
  }

  /** What the file's bytes hash to, where they were read and it has not changed since. */
  contentOf(file: FileSeen): ContentHashes | null {
    return this.#as(file)?.content.hashes ?? null;
  }

  noteContent(file: FileSeen, hashes: ContentHashes): void {
    const sighting = this.#as(file);
    if (sighting !== null) sighting.content.hashes = hashes;
  }

  /** What a file's format says of it; it is read where that is not known of the file as it was seen. */
  async structureOf(file: FileSeen, bytes: FileBytes): Promise<StructureFinding> {
    const sighting = this.#as(file);
    const finding = sighting?.structure.finding ?? (await structureOf(file.path, bytes));
    if (sighting !== null) sighting.structure.finding = finding;
    return finding;
  }

  #as(file: FileSeen): Sighting | null {
    const sighting = this.sightings.get(file.path);
    return sighting?.fingerprint === fingerprintOf(file) ? sighting : null;
  }

  /** These files, as they were seen, were found whole and with nobody writing to them. */
  finished(files: readonly FileSeen[]): void {
    this.#sightings = finished(this.sightings, files);
  }

  /** This checkpoint is durable: a script that changes its files now saves in more than one go. */
  published({ files }: Candidate): void {
    this.#published = new Set(files.map(({ path }) => path));
  }

  async #look(): Promise<FolderLooked> {
    const tree = await scanFolder(this.#options.folder, { unfinished: true });
    const nowMs = this.#options.clock.monotonicMs();
    this.#sightings = observe(this.#sightings, tree, nowMs);
    return { tree, sightings: this.#sightings, nowMs };
  }

  #notePass(
    seen: readonly Sighting[],
    pass: { readonly isFirst: boolean; readonly isOpen: (file: FileSeen) => boolean; readonly atMs: number },
  ): void {
    const after = new Map(Array.from(this.sightings).filter(([, { present }]) => present));
    for (const sighting of seen) {
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

/** Whether it was seen closed as it looks now. */
function isKnownClosed({ closed, fingerprint }: Sighting): boolean {
  return closed?.fingerprint === fingerprint;
}

function closedAfter(
  sighting: Sighting,
  { isOpen, atMs }: { readonly isOpen: (file: FileSeen) => boolean; readonly atMs: number },
): Sighting['closed'] {
  if (isKnownClosed(sighting)) return sighting.closed;
  return isOpen(sighting.file) ? null : { fingerprint: sighting.fingerprint, atMs };
}
