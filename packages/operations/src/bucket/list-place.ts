import type { ListedEvent } from '@runctl/protocol/events';
import { command, RunctlError } from '@runctl/core';
import type { ObjectInfo, ObjectStore } from '@runctl/store';

/** Objects of a folder, or the one object of that name, in S3's order. Errors: `object-not-found`, StoreError. */
export async function* listPlace(
  store: ObjectStore,
  place: { readonly key: string; readonly folder: string },
  { recursive, signal }: { readonly recursive: boolean; readonly signal: AbortSignal },
): AsyncGenerator<ListedEvent> {
  let any = false;
  const exact = place.key === '' || place.key.endsWith('/') ? null : await store.head(place.key, { signal });
  if (exact !== null) yield entryOf(exact);
  any = exact !== null;
  if (!recursive)
    for await (const key of store.listFolders({ prefix: place.folder, signal })) {
      any = true;
      yield { type: 'folder', key };
    }
  for await (const info of recursive
    ? store.list({ prefix: place.folder, signal })
    : directly(store, place.folder, signal)) {
    any = true;
    yield entryOf(info);
  }
  if (!any && place.key !== '')
    throw new RunctlError('object-not-found', `there is nothing at ${place.key} in ${store.location}`, {
      hint: [command('s3 list'), ' without a path shows the bucket'],
    });
}

/** Objects of a folder but not of the folders in it, which are stepped over without reading them. */
async function* directly(store: ObjectStore, prefix: string, signal: AbortSignal): AsyncGenerator<ObjectInfo> {
  for (let startAfter: string | undefined; ;) {
    let folder: string | null = null;
    for await (const info of store.list({ prefix, signal, startAfter })) {
      const slash = info.key.indexOf('/', prefix.length);
      if (slash >= 0) {
        folder = info.key.slice(0, slash + 1);
        break;
      }
      yield info;
    }
    if (folder === null) return;
    startAfter = `${folder}\u{10FFFF}`;
  }
}

function entryOf({ key, sizeBytes, lastModifiedMs, etag }: ObjectInfo): ListedEvent {
  return { type: 'object', key, sizeBytes, modifiedAt: new Date(lastModifiedMs).toISOString(), etag };
}
