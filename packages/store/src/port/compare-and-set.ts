import { collect } from './object-body.ts';
import { type CallOptions, isStoreError, type ObjectStore, type PutCondition } from './object-store.ts';

export type SetOutcome =
  | { readonly won: true; readonly etag: string }
  /** What stands there instead; null when nothing does. */
  | { readonly won: false; readonly current: { readonly bytes: Uint8Array; readonly etag: string } | null };

/** Bytes for a key, of which each write has its own. */
export interface OwnWrite extends CallOptions {
  readonly key: string;
  readonly body: Uint8Array;
}

/**
 * A conditional put that recognises its own success: a repeated one whose first answer was lost is refused, and what it
 * finds is what it sent. The body must therefore hold something that no other write holds (a nonce of this write). A
 * success that another writer replaced before it was recognised counts as lost. A rejection other than that leaves open
 * whether the write took place.
 */
export async function compareAndSet(
  store: ObjectStore,
  { key, body, when, signal }: OwnWrite & { readonly when: PutCondition },
): Promise<SetOutcome> {
  try {
    const { etag } = await store.put(key, body, { when, signal });
    return { won: true, etag };
  } catch (error) {
    if (!isStoreError(error, 'precondition')) throw error;
  }
  try {
    const { info, body: found } = await store.get(key, { signal });
    const bytes = await collect(found);
    const { etag } = info;
    return Buffer.compare(bytes, body) === 0 ? { won: true, etag } : { won: false, current: { bytes, etag } };
  } catch (error) {
    if (isStoreError(error, 'missing')) return { won: false, current: null };
    throw error;
  }
}

/** Makes an object that must not be there yet; see `compareAndSet`. */
export function putIfAbsentOwn(store: ObjectStore, write: OwnWrite): Promise<SetOutcome> {
  return compareAndSet(store, { ...write, when: { absent: true } });
}
