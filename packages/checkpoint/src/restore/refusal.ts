import { type Manifest, type ManifestFile, runKeys } from '@runctl/protocol';
import { partGrid } from '@runctl/store';
import { isSafePath } from '../look/unkeepable.ts';

/**
 * Why a manifest must not be restored whatever its files hold: paths that climb out or collide, keys of elsewhere, parts
 * that are none of the grid (and could claim any amount of memory).
 */
export function refusalOf(manifest: Manifest, run: string): string | null {
  const owned = new Set(manifest.files.map(({ path, node }) => `${node ?? 'one'} ${path}`));
  if (owned.size !== manifest.files.length || isOwnedInPart(manifest)) return 'it names a file twice';
  const where = { below: runKeys(run).dataRoot, called: 'checkpoint folder' };
  const refusal = refusalOfFiles(manifest.files, where);
  if (refusal !== null) return refusal;
  return manifest.entry === '.' || isSafePath(manifest.entry)
    ? null
    : `its entry ${JSON.stringify(manifest.entry)} leads out of the checkpoint folder`;
}

/**
 * The same for files alone, which may have nodes' paths twice. `below`: what their keys must begin with; `called`: the folder
 * that they are meant for, for people.
 */
export function refusalOfFiles(
  files: readonly ManifestFile[],
  { below, called }: { readonly below: string; readonly called: string },
): string | null {
  const paths = new Set(files.map((file) => file.path));
  for (const file of files) {
    const { path, key } = file;
    if (!isSafePath(path)) return `its path ${JSON.stringify(path)} leads out of the ${called}`;
    if (!key.startsWith(below)) return `its key ${key} is not one of this run's data`;
    if (parentsOf(path).some((parent) => paths.has(parent))) return `${path} lies below another of its files`;
    if (!isOnGrid(file)) return `the parts of ${path} are not those of a file of ${file.sizeBytes} bytes`;
  }
  return null;
}

/** Either every file says whose it is or none does. */
function isOwnedInPart({ files }: Manifest): boolean {
  const ownerless = files.filter((file) => file.node === undefined).length;
  return ownerless > 0 && ownerless < files.length;
}

function isOnGrid({ sizeBytes, partSizeBytes, partCrc32, partSha256 }: ManifestFile): boolean {
  const grid = partGrid(sizeBytes, partSizeBytes);
  const counts = [partCrc32.length, partSha256.length];
  const usual = partSizeBytes <= partGrid(sizeBytes).partSizeBytes && grid.partSizeBytes === partSizeBytes;
  return usual && counts.every((count) => count === grid.parts.length);
}

function parentsOf(path: string): readonly string[] {
  const segments = path.split('/');
  return segments.slice(1).map((_, index) => segments.slice(0, index + 1).join('/'));
}
