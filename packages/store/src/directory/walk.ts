import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { compareKeys } from '../port/keys.ts';
import { isMissing } from './object-file.ts';
import { folderPath, segmentOf } from './paths.ts';

/** Keys below `root` that begin with `prefix` and come after `startAfter`, in the order of their UTF-8 bytes. */
export async function* walkKeys(root: string, prefix: string, startAfter: string | undefined): AsyncIterable<string> {
  const folder = prefix.slice(0, prefix.lastIndexOf('/') + 1);
  yield* walk(folderPath(root, folder), folder, { prefix, startAfter });
}

async function* walk(
  path: string,
  folder: string,
  wanted: { readonly prefix: string; readonly startAfter: string | undefined },
): AsyncIterable<string> {
  for (const { key, name, isFolder } of await entriesOf(path, folder)) {
    if (!overlaps(key, wanted.prefix, isFolder)) continue;
    const { startAfter } = wanted;
    if (startAfter !== undefined && compareKeys(key, startAfter) <= 0 && !(isFolder && startAfter.startsWith(key))) {
      continue;
    }
    if (isFolder) yield* walk(join(path, name), key, wanted);
    else yield key;
  }
}

function overlaps(key: string, prefix: string, isFolder: boolean): boolean {
  return key.startsWith(prefix) || (isFolder && prefix.startsWith(key));
}

async function entriesOf(path: string, folder: string) {
  const entries = await readdir(path, { withFileTypes: true }).catch((error: unknown) => {
    if (isMissing(error)) return [];
    throw error;
  });
  return entries
    .flatMap((entry) => {
      const isFolder = entry.isDirectory();
      const segment = segmentOf(entry.name, isFolder);
      return segment === null ? [] : [{ key: folder + segment, name: entry.name, isFolder }];
    })
    .sort((a, b) => compareKeys(a.key, b.key));
}
