import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Bucket } from './bucket.ts';
import { S3Error } from './errors.ts';

const REMOVED = '.removed-';

/** All buckets below a folder, one folder each. */
export class Buckets {
  readonly #root: string;
  readonly #buckets = new Map<string, Bucket>();

  constructor(root: string) {
    this.#root = root;
    mkdirSync(root, { recursive: true });
    for (const entry of readdirSync(root, { withFileTypes: true })) {
      const folder = join(root, entry.name);
      if (entry.name.startsWith(REMOVED)) rmSync(folder, { recursive: true, force: true });
      // A folder without a journal is what a creation left that was cut short; the next creation takes it over.
      else if (existsSync(join(folder, 'journal.ndjson'))) this.#buckets.set(entry.name, Bucket.open(folder));
    }
  }

  all(): Bucket[] {
    return [...this.#buckets.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  find(name: string): Bucket | undefined {
    return this.#buckets.get(name);
  }

  /** Throws NoSuchBucket. */
  get(name: string): Bucket {
    const bucket = this.#buckets.get(name);
    if (bucket === undefined) throw new S3Error('NoSuchBucket', { fields: { BucketName: name } });
    return bucket;
  }

  create(name: string, details: { createdMs: number; location: string }): Bucket {
    const folder = join(this.#root, name);
    mkdirSync(folder, { recursive: true });
    const bucket = Bucket.create(folder, { type: 'bucket', name, ...details });
    this.#buckets.set(name, bucket);
    return bucket;
  }

  /** The bucket must be empty. */
  remove(bucket: Bucket): void {
    this.#buckets.delete(bucket.name);
    bucket.close();
    // The rename decides; a process that dies while the files are removed leaves a folder that the next start clears.
    const gone = join(this.#root, `${REMOVED}${bucket.name}-${randomBytes(6).toString('hex')}`);
    renameSync(join(this.#root, bucket.name), gone);
    rmSync(gone, { recursive: true, force: true });
  }

  close(): void {
    for (const bucket of this.#buckets.values()) bucket.close();
  }
}
