import { join } from 'node:path';
import { assertNever } from '@runctl/core';
import { BlobFolder, type Segment } from './blobs.ts';
import { S3Error } from './errors.ts';
import { BucketJournal } from './journal.ts';
import { KeyIndex } from './key-index.ts';
import type { BucketChange, ObjectVersion, PartRecord, UploadRecord } from './records.ts';

/** A journal with this many more lines than things to remember is rewritten at the next start. */
const COMPACT_AFTER_LINES = 1000;

export interface StoredUpload extends UploadRecord {
  readonly parts: Map<number, PartRecord>;
}

/**
 * One bucket: its state is the fold of its journal, kept in memory for reading. Object bytes are in the blob folder.
 * `commit` is the only way to change it; everything up to it (receiving bytes, waiting) may be interleaved with other
 * requests, `commit` and a check made right before it may not.
 */
export class Bucket {
  readonly blobs: BlobFolder;
  readonly keys = new KeyIndex();
  readonly uploads = new Map<string, StoredUpload>();
  readonly settings = new Map<string, string>();
  name = '';
  createdMs = 0;
  location = '';
  readonly #journal: BucketJournal;
  readonly #versions = new Map<string, readonly ObjectVersion[]>();
  /** Number of deletions so far, and of the last one of each key: for telling writes that a deletion came between. */
  #deletions = 0;
  readonly #deletedAt = new Map<string, number>();

  private constructor(folder: string, first?: BucketChange) {
    this.blobs = new BlobFolder(join(folder, 'blobs'));
    const path = join(folder, 'journal.ndjson');
    if (first === undefined) {
      this.#journal = BucketJournal.open(path, (entry) => this.#apply(entry));
      this.#tidy();
    } else {
      this.#journal = BucketJournal.create(path, first);
      this.#apply(first);
    }
  }

  static create(folder: string, first: BucketChange & { type: 'bucket' }): Bucket {
    return new Bucket(folder, first);
  }

  static open(folder: string): Bucket {
    return new Bucket(folder);
  }

  close(): void {
    this.#journal.close();
  }

  get isVersioned(): boolean {
    return this.settings.get('versioning') === 'Enabled';
  }

  /** Whether versioning was ever switched on: then answers carry version ids. */
  get hasVersionIds(): boolean {
    return this.settings.has('versioning');
  }

  get isEmpty(): boolean {
    return this.keys.size === 0;
  }

  /** All versions of a key, newest first; delete markers included. */
  versionsOf(key: string): readonly ObjectVersion[] {
    return this.#versions.get(key) ?? [];
  }

  /** The current version, unless the key is absent or deleted. */
  current(key: string): ObjectVersion | undefined {
    const newest = this.versionsOf(key)[0];
    return newest?.deleteMarker === true ? undefined : newest;
  }

  upload(key: string, uploadId: string): StoredUpload {
    const upload = this.uploads.get(uploadId);
    if (upload === undefined || upload.key !== key)
      throw new S3Error('NoSuchUpload', { fields: { UploadId: uploadId } });
    return upload;
  }

  /** A mark to be given to `deletedSince` later. */
  get deletionMark(): number {
    return this.#deletions;
  }

  deletedSince(key: string, mark: number): boolean {
    return (this.#deletedAt.get(key) ?? 0) > mark;
  }

  /** Writes the change down, then makes it visible. Throws, with nothing changed, if it can't be written down. */
  commit(entry: BucketChange): void {
    this.#journal.append(entry);
    this.blobs.remove(this.#apply(entry).map(({ blob }) => blob));
  }

  /** Applies a change to memory and returns the segments that nothing names any more. */
  #apply(entry: BucketChange): readonly Segment[] {
    switch (entry.type) {
      case 'bucket':
        this.name = entry.name;
        this.createdMs = entry.createdMs;
        this.location = entry.location;
        return [];
      case 'setting':
        if (entry.value === null) this.settings.delete(entry.name);
        else this.settings.set(entry.name, entry.value);
        return [];
      case 'version':
        return [...this.#endUpload(entry.uploadId, entry.version), ...this.#addVersion(entry.key, entry.version)];
      case 'tags':
        this.#versions.set(
          entry.key,
          this.versionsOf(entry.key).map((one) =>
            one.versionId === entry.versionId ? { ...one, tags: entry.tags } : one,
          ),
        );
        return [];
      case 'remove':
        return this.#removeVersion(entry.key, entry.versionId);
      case 'upload':
        this.uploads.set(entry.upload.uploadId, { ...entry.upload, parts: new Map() });
        return [];
      case 'part': {
        const parts = this.uploads.get(entry.uploadId)?.parts;
        const replaced = parts?.get(entry.part.number)?.segments ?? [];
        parts?.set(entry.part.number, entry.part);
        return replaced;
      }
      case 'abort':
        return this.#endUpload(entry.uploadId, undefined);
      default:
        return assertNever(entry);
    }
  }

  #addVersion(key: string, version: ObjectVersion): readonly Segment[] {
    const before = this.#versions.get(key);
    if (before === undefined) this.keys.add(key);
    const kept = (before ?? []).filter((one) => one.versionId !== version.versionId);
    const replaced = (before ?? []).filter((one) => one.versionId === version.versionId);
    this.#versions.set(key, [version, ...kept]);
    if (version.deleteMarker === true) this.#noteDeletion(key);
    return replaced.flatMap(({ segments }) => segments);
  }

  #removeVersion(key: string, versionId: string): readonly Segment[] {
    const kept = this.versionsOf(key).filter((one) => one.versionId !== versionId);
    const removed = this.versionsOf(key).filter((one) => one.versionId === versionId);
    if (kept.length > 0) this.#versions.set(key, kept);
    else if (this.#versions.delete(key)) this.keys.remove(key);
    this.#noteDeletion(key);
    return removed.flatMap(({ segments }) => segments);
  }

  #noteDeletion(key: string): void {
    this.#deletions += 1;
    this.#deletedAt.set(key, this.#deletions);
  }

  /** Ends an upload; what the finished object took over is not released. */
  #endUpload(uploadId: string | undefined, taken: ObjectVersion | undefined): readonly Segment[] {
    const upload = uploadId === undefined ? undefined : this.uploads.get(uploadId);
    if (upload === undefined || uploadId === undefined) return [];
    this.uploads.delete(uploadId);
    const kept = new Set(taken?.segments.map(({ blob }) => blob));
    return [...upload.parts.values()].flatMap(({ segments }) => segments).filter(({ blob }) => !kept.has(blob));
  }

  /** At the start: removes files that no record names, and rewrites a journal that is mostly history. */
  #tidy(): void {
    const entries = [...this.#snapshot()];
    const segments = entries.flatMap((entry) => {
      if (entry.type === 'version') return entry.version.segments;
      return entry.type === 'part' ? entry.part.segments : [];
    });
    this.blobs.sweep(new Set(segments.map(({ blob }) => blob)));
    if (this.#journal.lines > entries.length + COMPACT_AFTER_LINES) this.#journal.compact(entries);
    this.#deletedAt.clear();
  }

  /** The entries that a new journal would need to come to the present state. */
  *#snapshot(): Generator<BucketChange> {
    yield { type: 'bucket', name: this.name, createdMs: this.createdMs, location: this.location };
    for (const [name, value] of this.settings) yield { type: 'setting', name, value };
    for (const [key, versions] of this.#versions)
      for (const version of versions.toReversed()) yield { type: 'version', key, version };
    for (const { parts, ...upload } of this.uploads.values()) {
      yield { type: 'upload', upload };
      for (const part of parts.values()) yield { type: 'part', uploadId: upload.uploadId, part };
    }
  }
}
