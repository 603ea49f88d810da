import { randomUUID } from 'node:crypto';
import { mkdir, rename, rm, rmdir, utimes } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type ObjectInfo, type PutCondition, type PutOptions, StoreError } from '../port/object-store.ts';
import { abortedError } from '../port/semantics.ts';
import { withKeyLock } from './key-lock.ts';
import { isMissing, openStored, type StoredFile, writeStored } from './object-file.ts';
import { objectPath } from './paths.ts';
import { walkKeys } from './walk.ts';

export interface ObjectFolderOptions {
  readonly root: string;
  readonly nowMs: () => number;
  /** Bytes reach the disk before a write resolves. */
  readonly sync: boolean;
}

/**
 * The objects of a directory store: each lies under `objects/` as one file, which is replaced by rename under a lock of its
 * key (`locks/`); `new/` holds what is being written.
 */
export class ObjectFolder {
  readonly #options: ObjectFolderOptions;
  readonly #objects: string;
  readonly #new: string;
  readonly #locks: string;

  constructor(options: ObjectFolderOptions) {
    this.#options = options;
    this.#objects = join(options.root, 'objects');
    this.#new = join(options.root, 'new');
    this.#locks = join(options.root, 'locks');
  }

  keys(prefix: string, startAfter: string | undefined): AsyncIterable<string> {
    return walkKeys(this.#objects, prefix, startAfter);
  }

  /** The caller closes it. Null when there is none. */
  open(key: string): Promise<StoredFile | null> {
    return openStored(objectPath(this.#objects, key));
  }

  /** Null when there is none. */
  async info(key: string): Promise<ObjectInfo | null> {
    const stored = await this.open(key);
    if (stored === null) return null;
    await stored.file.close();
    return storedInfo(key, stored);
  }

  async remove(key: string): Promise<void> {
    const path = objectPath(this.#objects, key);
    await this.#locked(key, () => rm(path, { force: true }));
    await this.#pruneFolders(dirname(path));
  }

  /** Writes the bytes aside, then puts them in place if the condition holds. */
  async write(
    key: string,
    chunks: AsyncIterable<Uint8Array>,
    { parts, when, signal }: PutOptions & { readonly parts: number },
  ): Promise<{ etag: string }> {
    await mkdir(this.#new, { recursive: true });
    const temporary = join(this.#new, randomUUID());
    try {
      const { etag } = await writeStored(temporary, chunks, { parts, sync: this.#options.sync });
      await this.#locked(key, async () => {
        if (signal?.aborted) throw abortedError(signal, key);
        await this.#check(key, when);
        const nowS = this.#options.nowMs() / 1000;
        await utimes(temporary, nowS, nowS);
        await this.#moveIn(temporary, objectPath(this.#objects, key));
      });
      return { etag };
    } finally {
      await rm(temporary, { force: true });
    }
  }

  async #check(key: string, when: PutCondition | undefined): Promise<void> {
    if (when === undefined) return;
    const info = await this.info(key);
    if ('absent' in when ? info !== null : info?.etag !== when.etag) throw changedObject(key);
  }

  /** A folder may be pruned by a removal between its making and the rename. */
  async #moveIn(temporary: string, path: string): Promise<void> {
    for (let tries = 1; ; tries++) {
      await mkdir(dirname(path), { recursive: true });
      try {
        return await rename(temporary, path);
      } catch (error) {
        if (!isMissing(error) || tries === 100) throw error;
      }
    }
  }

  async #pruneFolders(folder: string): Promise<void> {
    for (let path = folder; path.length > this.#objects.length; path = dirname(path)) {
      try {
        await rmdir(path);
      } catch {
        return;
      }
    }
  }

  async #locked<T>(key: string, work: () => Promise<T>): Promise<T> {
    await mkdir(this.#locks, { recursive: true });
    return withKeyLock(this.#locks, key, work);
  }
}

export function storedInfo(key: string, { sizeBytes, etag, lastModifiedMs }: StoredFile): ObjectInfo {
  return { key, sizeBytes, etag, lastModifiedMs };
}

export function changedObject(key: string): StoreError {
  return new StoreError('precondition', `${key} is not what was expected`, { key, code: 'PreconditionFailed' });
}
