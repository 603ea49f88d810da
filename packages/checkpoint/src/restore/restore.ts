import { chown, lstat, mkdir, realpath, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { RunctlError } from '@runctl/core';
import type { LeftBehind, Manifest } from '@runctl/protocol';
import { readManifest, readPointer } from '../ledger/commit.ts';
import { leftBehindOf } from '../ledger/left-behind.ts';
import { stepEntryOf } from '../look/names.ts';
import { scanFolder, unlessGone } from '../look/scan.ts';
import { manifestForNode } from '../ledger/node-files.ts';
import { type CompanionFiles, companionFilesOf } from './companions.ts';
import { DamagedFile } from './fetch-file.ts';
import { fetchFiles, fingerprintAt } from './fetch-files.ts';
import { type ChainLink, manifestChain, describeLink, singleLink } from '../ledger/manifest-chain.ts';
import { placeCheckpoint, sidePlaces } from './place.ts';
import { whileReading } from '../ledger/reading-marks.ts';
import { refusalOf } from './refusal.ts';
import { makeRoom } from './set-aside.ts';
import type { PrefetchedCheckpoint, RestoredCheckpoint, RestoreOptions } from '../contract/restore-port.ts';

/**
 * Brings the run's latest checkpoint into the folder, verified; null when the run has none. Where it is damaged, the one
 * before it is taken, with a warning for each step back; where one was asked for by name, no other is. Rejects with `checkpoint-not-found` when there are checkpoints
 * but none can be restored (starting over silently would lose the run; where no pointer names them and their bytes are gone, there are none), and with StoreError when the store fails.
 */
export async function restoreLatest(options: RestoreOptions): Promise<RestoredCheckpoint | null> {
  return settlePrefetched(options, await prefetchLatest(options));
}

/** The first half of `restoreLatest`: downloads and verifies, but leaves the folder as it is. May run without the lease. */
export async function prefetchLatest(options: RestoreOptions): Promise<PrefetchedCheckpoint | null> {
  const at = await prepared(options);
  const { staging } = await sidePlaces(at.folder);
  const { manifestKey } = at;
  const chain = manifestKey === undefined ? await manifestChain(at) : singleLink(at, manifestKey);
  const warnings = [...chain.warnings];
  const rejected: string[] = [];
  for await (const link of chain.links) {
    const fetched = await fetchLink(link, staging, at);
    if ('kept' in fetched) {
      warnings.push(...fetched.warnings);
      return { ...fetched, manifestKey: link.key, latestKey: chain.latestKey, staging, warnings, rejected };
    }
    rejected.push(link.key);
    if (manifestKey !== undefined)
      throw new RunctlError('checkpoint-not-found', `${describeLink(link)} can't be restored: ${fetched.problem}`, {
        hint: 'leave the choice out to take the newest that can be',
      });
    warnings.push(`${describeLink(link)} could not be used: ${fetched.problem}; taking the checkpoint before it`);
    at.log.warn({ manifest: link.key, problem: fetched.problem }, 'checkpoint could not be used');
  }
  if (rejected.length === 0 || (chain.pointerMissing && (await areGhosts(rejected, at)))) return null;
  throw new RunctlError('checkpoint-not-found', `none of the run's ${rejected.length} checkpoints can be restored`, {
    hint: warnings.join('\n'),
  });
}

/**
 * Whether none of the manifests has any bytes. Without a pointer such ones were never committed: their write was still on its
 * way when the machine died, and landed after the next holder had removed the bytes. There is nothing in them to be lost.
 */
async function areGhosts(manifestKeys: readonly string[], at: RestoreOptions): Promise<boolean> {
  for (const key of manifestKeys) {
    const manifest = await readManifest(at, key).catch(() => null);
    if (manifest === null) return false;
    for (const file of manifest.files)
      if ((await at.store.head(file.key, { signal: at.signal })) !== null) return false;
  }
  at.log.warn({ manifests: manifestKeys }, 'manifests without a pointer and without bytes: nothing was ever committed');
  return true;
}

/**
 * The second half: makes sure that `prefetched` is still what `latest.json` names, fetches what has changed, and puts the
 * checkpoint in place. Only for the lease's holder, while no workload runs.
 */
export async function settlePrefetched(
  options: RestoreOptions,
  prefetched: PrefetchedCheckpoint | null,
): Promise<RestoredCheckpoint | null> {
  const at = await prepared(options);
  const current = prefetched !== null && (await isCurrent(prefetched, at)) ? prefetched : await prefetchLatest(at);
  if (current === null) return null;
  const { setAside } = await sidePlaces(at.folder);
  const moved = await placeCheckpoint(current, {
    folder: at.folder,
    setAside,
    owner: at.owner,
    leaveOthers: at.leaveOthers === true,
  });
  const { manifest, manifestKey, rejected } = current;
  const warnings = [...current.warnings];
  if (moved.length > 0) {
    warnings.push(`moved to ${setAside}: ${moved.join(', ')}`);
    if (at.leaveOthers !== true) warnings.push(...(await makeRoom(setAside, at.folder, at.log)));
  }
  const companions = current.companions.map((each) => each.manifest);
  const leftBehind =
    manifest.leftBehind === undefined ? null : await missingOf(manifest.leftBehind, at.folder, current);
  const entryPath = join(at.folder, manifest.entry);
  return { manifest, manifestKey, companions, leftBehind, entryPath, warnings, rejected };
}

/**
 * What of it does not lie in the folder: on the machine that it lay on all of it may be there. What bears no step, or a
 * later one, may have come after the checkpoint, and makes up for nothing.
 */
async function missingOf(leftBehind: LeftBehind, folder: string, restored: Restored): Promise<LeftBehind | null> {
  const { files } = await scanFolder(folder);
  const paths = [restored.manifest, ...restored.companions].flatMap((each) => each.files).map(({ path }) => path);
  const lastStep = restored.manifest.step ?? Infinity;
  const earlier = files.map(({ path }) => path).filter((path) => (stepEntryOf(path)?.step ?? Infinity) <= lastStep);
  const beside = leftBehindOf(earlier, new Set(paths));
  const names: string[] = [];
  for (const name of leftBehind.names) if ((await unlessGone(lstat(join(folder, name)))) === null) names.push(name);
  const count = Math.max(names.length, leftBehind.count - (beside?.count ?? 0));
  return count === 0 ? null : { names, count };
}

type Restored = Pick<PrefetchedCheckpoint, 'manifest' | 'companions'>;

/** Whether a prefetched checkpoint is the latest still, and the local files that it counts on have not changed. */
async function isCurrent(prefetched: PrefetchedCheckpoint, options: RestoreOptions): Promise<boolean> {
  if (options.manifestKey === undefined) {
    if (prefetched.latestKey === null) return false;
    const latest = await readPointer(options);
    if (latest?.pointer.manifest !== prefetched.latestKey) return false;
  } else if (prefetched.manifestKey !== options.manifestKey) return false;
  for (const [path, fingerprint] of prefetched.kept)
    if ((await fingerprintAt(options.folder, path))?.fingerprint !== fingerprint) return false;
  return true;
}

type Fetched = Pick<PrefetchedCheckpoint, 'manifest' | 'kept' | 'companions' | 'warnings'>;

async function fetchLink(
  link: ChainLink,
  staging: string,
  options: RestoreOptions,
): Promise<Fetched | { readonly problem: string }> {
  if (link.manifest === null) return { problem: link.problem ?? 'it is missing' };
  const refusal = refusalOf(link.manifest, options.run);
  if (refusal !== null) return { problem: refusal };
  const manifest = manifestForNode(link.manifest, options.node ?? 0);
  try {
    return await whileReading(options, manifest, () => fetchWithCompanions(manifest, staging, options));
  } catch (error) {
    if (error instanceof DamagedFile) return { problem: error.message };
    throw error;
  }
}

/** Rejects with DamagedFile when the checkpoint's own files can't be had; of its companions' that is a warning. */
async function fetchWithCompanions(manifest: Manifest, staging: string, options: RestoreOptions): Promise<Fetched> {
  const { companions, warnings: problems } = await companionFilesOf(manifest, options);
  const all = [...manifest.files, ...companions.flatMap(({ files }) => files)];
  const wanted = new Set(all.map(({ path }) => path));
  const totalBytes = all.reduce((sum, file) => sum + file.sizeBytes, 0);
  let doneBytes = 0;
  const advance = (bytes: number): void => {
    doneBytes += bytes;
    options.onProgress?.({ doneBytes, totalBytes, step: manifest.step });
  };
  const kept = new Map((await fetchFiles({ files: manifest.files, wanted, advance }, staging, options)).kept);
  const warnings = [...problems];
  const usable: CompanionFiles[] = [];
  for (const companion of companions)
    try {
      const fetched = await fetchFiles({ files: companion.files, wanted, advance }, staging, options);
      for (const [path, fingerprint] of fetched.kept) kept.set(path, fingerprint);
      usable.push(companion);
    } catch (error) {
      if (!(error instanceof DamagedFile)) throw error;
      for (const { path } of companion.files) {
        wanted.delete(path);
        await rm(join(staging, path), { force: true });
      }
      warnings.push(`${error.message}: what the script kept of step ${companion.manifest.step} is not restored`);
    }
  return { manifest, kept, companions: usable, warnings };
}

/** Makes the folder and goes by its real path from there on. */
async function prepared(options: RestoreOptions): Promise<RestoreOptions> {
  const known = await unlessGone(realpath(options.folder));
  if (known !== null) return { ...options, folder: known };
  await mkdir(options.folder, { recursive: true });
  if (options.owner !== undefined) await chown(options.folder, options.owner.uid, options.owner.gid);
  return { ...options, folder: await realpath(options.folder) };
}
