import { chown, copyFile, link, lstat, mkdir, rename, rm, stat, chmod, utimes } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Manifest, ManifestFile } from '@runctl/protocol';
import { databaseOf, isDatabase, isSideFile, stepEntryOf, stepInName, topEntryOf } from '../look/names.ts';
import type { FileSeen } from '../contract/recogniser.ts';
import { scanFolder, unlessGone } from '../look/scan.ts';
import { structureOf } from '../formats/structure.ts';
import { holdFiles } from '../look/held-files.ts';
import type { PrefetchedCheckpoint, RestoreOptions } from '../contract/restore-port.ts';
import { freeSetAside } from './set-aside.ts';

/**
 * Where things stand that are on their way into a folder or out of it: beside the folder, so that they can be renamed,
 * or hidden inside it where it is a file system of its own.
 */
export async function sidePlaces(folder: string): Promise<{ readonly staging: string; readonly setAside: string }> {
  const parent = dirname(folder);
  const alone = (await stat(folder)).dev !== (await stat(parent)).dev;
  const root = alone ? folder : parent;
  return { staging: join(root, `.runctl-restore-${basename(folder)}`), setAside: await freeSetAside(root, folder) };
}

export interface Placing {
  readonly folder: string;
  readonly setAside: string;
  readonly owner: RestoreOptions['owner'];
  readonly leaveOthers: boolean;
}

/**
 * Puts a prefetched checkpoint into the folder, one rename for each top-level entry; entries that are right already stay.
 * What is in the way, and what a save that was never finished may have left, is moved to `setAside`.
 * Files that were fetched bear the time of the save. Returns what was moved. A crash in between leaves a folder that the next restore repairs.
 */
export async function placeCheckpoint(prefetched: PrefetchedCheckpoint, placing: Placing): Promise<readonly string[]> {
  const { manifest, companions, kept, staging } = prefetched;
  const placed = [manifest, ...companions].flatMap(({ files }) => files);
  // The earlier checkpoints must not look as new as this one.
  const savedAtOf = new Map(
    [{ manifest, files: manifest.files }, ...companions].flatMap((each) =>
      each.files.map(({ path }) => [path, new Date(each.manifest.savedAt)] as const),
    ),
  );
  const local = (await scanFolder(placing.folder)).files;
  const moved: string[] = [];
  for (const [entry, files] of byEntry(placed)) {
    const wanted = new Set(files.map((file) => file.path));
    const surplus = local.filter((file) => topEntryOf(file.path) === entry && !wanted.has(file.path));
    const earlier = await earlierAmong(surplus, manifest, placing.folder);
    if (surplus.length === earlier.length && files.every((file) => kept.has(file.path))) continue;
    for (const { path } of earlier) await linkInto(join(placing.folder, path), join(staging, path));
    for (const file of files)
      if (kept.has(file.path)) await linkInto(join(placing.folder, file.path), join(staging, file.path));
    for (const file of files) {
      // In the order of their arrival a marker could seem older than what it commits.
      const savedAt = savedAtOf.get(file.path) ?? new Date(manifest.savedAt);
      if (!kept.has(file.path)) await utimes(join(staging, file.path), savedAt, savedAt);
      await giveTo(placing.owner, staging, file.path);
    }
    const target = join(placing.folder, entry);
    if (await moveAside(target, placing)) moved.push(entry);
    await rename(join(staging, entry), target);
  }
  for (const entry of placing.leaveOthers ? [] : await leftovers(placed, placing.folder))
    if (await moveAside(join(placing.folder, entry), placing)) moved.push(entry);
  await rm(staging, { recursive: true, force: true });
  return moved;
}

/** Whole saves of earlier steps that lie in the same folder as this one: they stay. */
async function earlierAmong(
  files: readonly FileSeen[],
  { step }: Manifest,
  folder: string,
): Promise<readonly FileSeen[]> {
  const earlier = files.filter(({ path }) => step !== null && (stepEntryOf(path)?.step ?? step) < step);
  const torn = new Set(await tornAmong(folder, earlier));
  return earlier.filter((file) => !torn.has(file));
}

function byEntry(files: readonly ManifestFile[]): ReadonlyMap<string, readonly ManifestFile[]> {
  return Map.groupBy(files, (file) => topEntryOf(file.path));
}

async function linkInto(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  await rm(to, { force: true });
  try {
    await link(from, to);
  } catch {
    await copyFile(from, to);
    await chmod(to, (await stat(from)).mode);
  }
}

async function giveTo(owner: Placing['owner'], staging: string, path: string): Promise<void> {
  if (owner === undefined) return;
  for (let place = path; place !== '.'; place = dirname(place)) await chown(join(staging, place), owner.uid, owner.gid);
}

async function moveAside(target: string, { setAside, folder }: Pick<Placing, 'setAside' | 'folder'>): Promise<boolean> {
  if ((await unlessGone(lstat(target))) === null) return false;
  const to = join(setAside, target.slice(folder.length + 1));
  await mkdir(dirname(to), { recursive: true });
  await rename(target, to);
  return true;
}

/**
 * Top-level entries that are not among the placed files and may come from a save that was never finished. Beside a checkpoint
 * whose name bears a step: later steps, and whatever is torn. Beside one without: everything, since it is one set.
 */
async function leftovers(placed: readonly ManifestFile[], folder: string): Promise<readonly string[]> {
  const wanted = new Set(placed.map((file) => topEntryOf(file.path)));
  const others = (await scanFolder(folder)).files.filter((file) => !wanted.has(topEntryOf(file.path)));
  const databases = new Set(placed.map(({ path }) => path).filter(isDatabase));
  // SQLite would play a journal or a log of another moment into the database that is put here.
  const foreign = entriesOf(others.filter(({ path }) => isDatabase(path) && databases.has(databaseOf(path))));
  const steps = placed.map(({ path }) => stepEntryOf(path)?.step).filter((step) => step !== undefined);
  if (steps.length === 0) return entriesOf(others);
  const newest = steps.reduce((highest, step) => Math.max(highest, step), 0);
  const torn = entriesOf(await tornAmong(folder, others));
  return entriesOf(others).filter(
    (entry) => (stepInName(entry) ?? -1) > newest || torn.includes(entry) || foreign.includes(entry),
  );
}

function entriesOf(files: readonly FileSeen[]): readonly string[] {
  return Array.from(new Set(files.map((file) => topEntryOf(file.path))));
}

async function tornAmong(folder: string, files: readonly FileSeen[]): Promise<readonly FileSeen[]> {
  const torn: FileSeen[] = [];
  for (const file of files) {
    const opened = await holdFiles(folder, [file]);
    if ('problem' in opened) continue;
    await using held = opened.held;
    for (const each of held.files) if ((await structureOf(file.path, each)).verdict === 'torn') torn.push(file);
  }
  return torn;
}

export interface TornOptions {
  /**
   * By this machine's wall clock: what a workload that was killed has written since, and nobody found complete, is set
   * aside even where its format does not tell that it is torn. Null = no workload was killed here.
   */
  readonly cutOffSinceMs: number | null;
}

/**
 * Moves files aside whose own format says that they are torn, or that a save cut off by a kill has left, when there is no
 * checkpoint to put in their place: a script that starts over would fail on them, and left where they are they would
 * count as still some time later. Logs and the like stay. Returns the top-level entries that were moved.
 */
export async function setTornAside(
  folder: string,
  { cutOffSinceMs }: TornOptions = { cutOffSinceMs: null },
): Promise<readonly string[]> {
  if ((await unlessGone(stat(folder))) === null) return [];
  const { setAside } = await sidePlaces(folder);
  const { files } = await scanFolder(folder);
  const isCutOff = (file: FileSeen): boolean =>
    cutOffSinceMs !== null && file.mtimeMs >= cutOffSinceMs && !isSideFile(file.path);
  const torn = entriesOf([...files.filter(isCutOff), ...(await tornAmong(folder, files))]);
  const moved: string[] = [];
  for (const entry of torn) if (await moveAside(join(folder, entry), { folder, setAside })) moved.push(entry);
  return moved;
}
