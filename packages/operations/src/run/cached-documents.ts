import { inParallel, isRunctlError } from '@runctl/core';
import type { ObjectInfo, ObjectStore } from '@runctl/store';
import type { z } from 'zod';
import { readDocument } from '../documents.ts';
import type { Observed } from './run-record.ts';

const PARALLEL_READS = 16;

/** Reads the same documents again and again; a listed one is fetched only when it is new or changed. */
export class CachedDocuments {
  readonly #store: ObjectStore;
  readonly #known = new Map<string, { readonly etag: string; readonly document: unknown }>();

  constructor(store: ObjectStore) {
    this.#store = store;
  }

  async list(prefix: string): Promise<readonly ObjectInfo[]> {
    const found: ObjectInfo[] = [];
    for await (const info of this.#store.list({ prefix })) found.push(info);
    return found;
  }

  /** Calls `work` for each of these objects, several at a time. */
  async each<Result>(
    infos: readonly ObjectInfo[],
    work: (info: ObjectInfo) => Promise<Result>,
  ): Promise<readonly Result[]> {
    return inParallel(infos, { concurrency: PARALLEL_READS }, work);
  }

  /** The document of a listed object; null when it is gone. Errors: those of the codec, StoreError. */
  async fetch<S extends z.ZodType>(schema: S, info: ObjectInfo): Promise<z.output<S> | null> {
    const known = this.#known.get(info.key);
    if (known?.etag === info.etag) return known.document as z.output<S>;
    const found = await readDocument(this.#store, schema, info.key);
    if (found === null) return null;
    this.#known.set(info.key, { etag: found.etag, document: found.document });
    return found.document;
  }

  /** A document with its age now, never from the cache; null when there is none. Errors: those of the codec, StoreError. */
  async observe<S extends z.ZodType>(schema: S, key: string): Promise<Observed<z.output<S>> | null> {
    const found = await readDocument(this.#store, schema, key);
    if (found === null) return null;
    const { document, ageMs, lastModifiedMs } = found;
    return { document, ageMs, lastModifiedMs };
  }

  /** The same, but returns the words for a damaged document instead of throwing. */
  async observeDamaged<S extends z.ZodType>(
    schema: S,
    key: string,
  ): Promise<{ readonly observed: Observed<z.output<S>> | null; readonly damaged: string | null }> {
    try {
      return { observed: await this.observe(schema, key), damaged: null };
    } catch (error) {
      if (!isRunctlError(error, 'internal')) throw error;
      return { observed: null, damaged: error.message };
    }
  }
}
