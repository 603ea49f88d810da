import { isRunctlError } from '@runctl/core';
import { bucketKeys, encodeDocument, nameDocument, runKeys } from '@runctl/protocol';
import { compareAndSet, type ObjectStore } from '@runctl/store';
import type { z } from 'zod';
import { createDocument, noneIfOlder, readDocument } from '../documents.ts';

/**
 * Gives a name to a run; false when another run has it. A name whose run is not there belongs to nobody: the laptop that took it
 * died before it wrote the run, or while it took everything back.
 */
export async function takeName(
  store: ObjectStore,
  { key, document }: { readonly key: string; readonly document: z.input<typeof nameDocument> },
): Promise<boolean> {
  if (await createDocument(store, { key, schema: nameDocument }, document)) return true;
  const found = await readDocument(store, nameDocument, key).catch(noneIfOlder);
  if (found === null) return createDocument(store, { key, schema: nameDocument }, document);
  if ((await store.head(runKeys(found.document.run).spec)) !== null) return false;
  const body = encodeDocument(nameDocument, document);
  return (await compareAndSet(store, { key, body, when: { etag: found.etag } })).won;
}

/** The run that has a name; null when none has. A name that an older runctl gave is taken. */
export async function runOfName(store: ObjectStore, name: string): Promise<string | null> {
  try {
    const run = (await readDocument(store, nameDocument, bucketKeys.name(name)))?.document.run ?? null;
    return run === null || (await store.head(runKeys(run).spec)) === null ? null : run;
  } catch (error) {
    if (isRunctlError(error, 'older-format')) return name;
    throw error;
  }
}
