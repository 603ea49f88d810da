import { isRunctlError, messageOf } from '@runctl/core';
import { compareOrder, type Manifest, type ManifestFile, parseManifestKey } from '@runctl/protocol';
import { readManifest } from '../ledger/commit.ts';
import { manifestForNode } from '../ledger/node-files.ts';
import { savesOf } from '../ledger/left-behind.ts';
import type { RestoreOptions } from '../contract/restore-port.ts';
import { refusalOf } from './refusal.ts';

/** Files of an earlier checkpoint that belong to the state of a later one. */
export interface CompanionFiles {
  readonly manifest: Manifest;
  readonly files: readonly ManifestFile[];
}

/** What a manifest's companions add to it. One that can't be used is left out, with a warning: the checkpoint itself is whole. */
export async function companionFilesOf(
  manifest: Manifest,
  options: RestoreOptions,
): Promise<{ readonly companions: readonly CompanionFiles[]; readonly warnings: readonly string[] }> {
  const companions: CompanionFiles[] = [];
  const warnings: string[] = [];
  let files: readonly ManifestFile[] = manifest.files;
  for (const key of new Set(manifest.companions)) {
    const order = parseManifestKey(key);
    const isEarlier = order !== null && compareOrder(order, manifest) < 0;
    const found = isEarlier ? await readable(key, options) : `${key} is no earlier checkpoint`;
    if (typeof found === 'string') {
      warnings.push(`${found}: what the script kept of it is not restored`);
      continue;
    }
    const own = manifestForNode(found, options.node ?? 0);
    const taken = new Set(files.map(({ path }) => path));
    const added = savesOf(own).filter(({ path }) => !taken.has(path));
    const refusal = refusalOf({ ...manifest, files: [...files, ...added] }, options.run);
    if (refusal !== null) warnings.push(`${key} does not go with the checkpoint: ${refusal}`);
    else if (added.length > 0) companions.push({ manifest: own, files: added });
    if (refusal === null) files = [...files, ...added];
  }
  return { companions, warnings };
}

async function readable(key: string, options: RestoreOptions): Promise<Manifest | string> {
  try {
    const manifest = await readManifest(options, key);
    if (manifest === null) return `${key} is missing`;
    const refusal = refusalOf(manifest, options.run);
    return refusal === null ? manifest : `${key}: ${refusal}`;
  } catch (error) {
    if (isRunctlError(error, 'internal')) return messageOf(error);
    throw error;
  }
}
