import type { Manifest } from '@runctl/protocol';
import { readText } from '@runctl/store';
import type { BucketAccess } from '../ledger/commit.ts';
import { NamedPlaces } from '../look/along.ts';
import { looksLikeSave, namesInText } from '../look/names-inside.ts';
import { nameOf } from '../look/names.ts';

/** Larger ones are no pointers. */
const LIMIT_BYTES = 64 * 1024;

/**
 * Which files of the manifest before to carry over so that these pointers are there in their durable version: each with
 * the files that it named then, as far as they are not `there`. A pointer that named what that manifest lacks is left out.
 */
export async function olderPointers(
  paths: readonly string[],
  there: ReadonlySet<string>,
  { before, store, signal }: BucketAccess & { readonly before: Manifest | null },
): Promise<readonly string[]> {
  const wanted = new Set<string>();
  const files = before?.files ?? [];
  const places = new NamedPlaces(files, new Map());
  for (const { path, key, sizeBytes } of files) {
    if (!paths.includes(path) || sizeBytes > LIMIT_BYTES) continue;
    const text = await readText(store, key, { signal });
    const named = namesInText(nameOf(path), text).map((each) => ({ ...each, found: places.find(each.name, path) }));
    if (named.some(({ name, isPointer, found }) => isPointer && found.length === 0 && looksLikeSave(name))) continue;
    wanted.add(path);
    for (const { found } of named) for (const target of found) if (!there.has(target.path)) wanted.add(target.path);
  }
  return Array.from(wanted);
}
