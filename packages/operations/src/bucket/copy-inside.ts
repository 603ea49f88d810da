import { inParallel, RunctlError } from '@runctl/core';
import type { ObjectInfo, ObjectStore, PathFilter } from '@runctl/store';
import { type BucketPlace, folderPrefix } from '../transfer/place.ts';

export interface Copied {
  readonly objects: number;
  readonly bytes: number;
  /** With the same etag at the destination already. */
  readonly kept: number;
}

const COPIED_AT_ONCE = 16;

/** Copies an object or a folder of objects inside one bucket; the bytes never pass here. Errors: `object-not-found`, StoreError. */
export async function copyInside(options: {
  readonly store: ObjectStore;
  readonly from: BucketPlace;
  readonly to: BucketPlace;
  readonly filter: PathFilter;
  readonly signal: AbortSignal;
  readonly dryRun: boolean;
}): Promise<Copied> {
  const { store, signal, dryRun } = options;
  const pairs = await pairsOf(options);
  if (pairs.length === 0)
    throw new RunctlError('object-not-found', `there is nothing at ${options.from.text} in ${store.location}`);
  const missing = await inParallel(pairs, { concurrency: COPIED_AT_ONCE }, async (pair) =>
    (await store.head(pair.to, { signal }))?.etag === pair.from.etag ? null : pair,
  );
  const copying = missing.filter((pair) => pair !== null);
  if (!dryRun)
    await inParallel(copying, { concurrency: COPIED_AT_ONCE }, (pair) =>
      store.copy(pair.from.key, pair.to, { signal }),
    );
  const bytes = copying.reduce((sum, pair) => sum + pair.from.sizeBytes, 0);
  return { objects: copying.length, bytes, kept: pairs.length - copying.length };
}

async function pairsOf({
  store,
  from,
  to,
  filter,
  signal,
}: Parameters<typeof copyInside>[0]): Promise<{ readonly from: ObjectInfo; readonly to: string }[]> {
  const one = from.key === '' || from.key.endsWith('/') ? null : await store.head(from.key, { signal });
  if (one !== null) {
    const name = from.key.slice(from.key.lastIndexOf('/') + 1);
    return [{ from: one, to: to.key === '' || to.key.endsWith('/') ? to.key + name : to.key }];
  }
  const prefix = folderPrefix(from);
  const target = folderPrefix(to);
  if (target.startsWith(prefix))
    throw new RunctlError('usage', `${to.text} lies in ${from.text}: the copy would never end`);
  const pairs: { readonly from: ObjectInfo; readonly to: string }[] = [];
  for await (const info of store.list({ prefix, signal })) {
    const path = info.key.slice(prefix.length);
    if (path !== '' && filter(path)) pairs.push({ from: info, to: target + path });
  }
  return pairs;
}
