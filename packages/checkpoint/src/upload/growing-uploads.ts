import type { Clock, Log } from '@runctl/core';
import type { Manifest } from '@runctl/protocol';
import type { Lanes, ObjectStore } from '@runctl/store';
import type { Candidate, OpenWriters } from '../contract/recogniser.ts';
import type { FolderSightings } from '../look/folder-sightings.ts';
import { fingerprintOf } from '../look/scan.ts';
import type { BucketAccess } from '../ledger/commit.ts';
import type { HeldFiles } from '../look/held-files.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { GrowingLook, UploadProgress } from '../contract/publisher-port.ts';
import { DataPlaces } from './data-places.ts';
import { equalPartsIn } from './equal-parts.ts';
import { FileUploads } from './file-uploads.ts';
import { resumeUploads } from './resume-uploads.ts';
import { TailUploads } from './tail.ts';
import type { UploadJournal } from '../contract/upload-journal.ts';
import { memoryUploadJournal } from './upload-journal.ts';

export interface GrowingUploadsOptions {
  readonly store: ObjectStore;
  readonly run: string;
  readonly folder: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly lanes: Lanes;
  readonly ledger: Ledger;
  readonly journal?: UploadJournal;
  readonly openWriters: OpenWriters;
  readonly sightings: FolderSightings;
  /** See `PublisherOptions`. */
  readonly partSizeBytes?: number;
  readonly mayPublish: () => { readonly generation: number } | null;
}

/** All uploads of one checkpoint folder that are on their way, whether or not something is published just now. */
export class GrowingUploads {
  readonly places: DataPlaces;
  readonly uploads: FileUploads;
  /** Files that a pass is uploading, by path: kept up to date by the pass. */
  readonly passProgress = new Map<string, UploadProgress>();
  readonly #options: GrowingUploadsOptions;
  readonly #journal: UploadJournal;
  readonly #tail: TailUploads;
  #copyFrom: Manifest | null = null;
  /** Generation whose uploads these are. */
  #generation: number | null = null;
  #resuming: Promise<void> = Promise.resolve();

  constructor(options: GrowingUploadsOptions) {
    const { journal = memoryUploadJournal(), ledger } = options;
    this.#options = options;
    this.#journal = journal;
    this.places = new DataPlaces(ledger, journal);
    this.uploads = new FileUploads({ ...options, journal });
    const request = (signal: AbortSignal) => this.#request(signal);
    this.#tail = new TailUploads({ ...options, uploads: this.uploads, places: this.places, request });
  }

  /** See `Publisher.uploadGrowing`. */
  async uploadGrowing(signal: AbortSignal): Promise<GrowingLook> {
    const request = this.#request(signal);
    if (request !== null) await this.resume(request);
    return this.#tail.lookOnce(signal);
  }

  /**
   * Once a generation: takes up what an agent left here, and gives up what was for another generation. Rejects as the
   * store does, and then tries again the next time.
   */
  async resume(request: BucketAccess & { readonly generation: number }): Promise<void> {
    const resumed = this.#resuming.catch(() => {}).then(() => this.#resumeOnce(request));
    this.#resuming = resumed.catch(() => {});
    await resumed;
  }

  settled(): Promise<void> {
    return this.#tail.settled();
  }

  async end(): Promise<void> {
    await this.#tail.giveUpAllBut(() => false);
  }

  committed(files: ReadonlyMap<string, string>, step: number | null): Promise<void> {
    return this.#tail.committed(files, step);
  }

  /** These files belong to a pass until what comes back is disposed of. */
  hold({ files }: HeldFiles): Disposable {
    this.uploads.hold(new Set(files.map((file) => file.version.inode)));
    return { [Symbol.dispose]: () => this.uploads.hold(new Set()) };
  }

  /** Gives up uploads of all other files that are still: what is growing may be the checkpoint that everybody waits for. */
  keepOnly(candidates: readonly Candidate[]): void {
    const kept = inodesOf(candidates);
    this.#tail.stopAllBut((upload) => kept.has(upload.inode) || this.#tail.isGrowing(upload));
  }

  /** Parts that equal one of this checkpoint are copied from it; null: nothing is. */
  copyFrom(manifest: Manifest | null): void {
    if (manifest === this.#copyFrom) return;
    this.#copyFrom = manifest;
    this.uploads.equalParts = equalPartsIn(manifest);
  }

  /** Bytes of a candidate that the bucket has not, as far as is known without reading them. */
  bytesLeft({ files }: Candidate): number {
    const stored = new Set(this.#copyFrom?.files.map((file) => file.sha256));
    return files.reduce((sum, version) => {
      const hashes = this.#options.sightings.contentOf(version);
      if (hashes !== null && stored.has(hashes.sha256)) return sum;
      const upload = this.uploads.of(version.inode);
      const there =
        upload?.object?.fingerprint === fingerprintOf(version) ? version.sizeBytes : upload?.parts.sentBytes;
      return sum + Math.max(0, version.sizeBytes - (there ?? 0));
    }, 0);
  }

  /**
   * Bytes that a checkpoint which is being written now will need still, beside those of `others`; null when none is. How
   * large it gets nobody knows: as large as the durable one, or as it is already.
   */
  bytesToCome(others: readonly Candidate[]): number | null {
    const known = inodesOf(others);
    const growing = this.uploads.all().filter((upload) => !known.has(upload.inode) && this.#tail.isGrowing(upload));
    if (growing.length === 0) return null;
    const sum = (bytes: readonly number[]): number => bytes.reduce((total, each) => total + each, 0);
    const sent = sum(growing.map((upload) => upload.parts.sentBytes));
    const written = sum(growing.map((upload) => upload.sizeBytes));
    const before = sum((this.#copyFrom?.files ?? []).map((file) => file.sizeBytes));
    return Math.max(written, before) - sent;
  }

  /** Files on their way now, each path once. */
  progress(): readonly UploadProgress[] {
    const ahead = this.uploads
      .all()
      .filter(({ object, path }) => object === null && !this.passProgress.has(path))
      .map(({ path, parts, sizeBytes }) => ({ path, sentBytes: parts.sentBytes, sizeBytes }));
    return [...this.passProgress.values(), ...ahead];
  }

  async #resumeOnce({ generation, signal }: BucketAccess & { readonly generation: number }): Promise<void> {
    if (this.#generation === generation) return;
    if (this.#generation !== null) await this.#tail.giveUpAllBut(() => false);
    const { sightings, store } = this.#options;
    const { places, uploads } = this;
    await resumeUploads({ store, journal: this.#journal, places, uploads, generation, sightings, signal });
    this.#generation = generation;
  }

  #request(signal: AbortSignal): (BucketAccess & { readonly generation: number }) | null {
    const { mayPublish, run, store } = this.#options;
    const holder = mayPublish();
    return holder === null ? null : { store, run, signal, generation: holder.generation };
  }
}

function inodesOf(candidates: readonly Candidate[]): ReadonlySet<string> {
  return new Set(candidates.flatMap(({ files }) => files.map((file) => file.inode)));
}
