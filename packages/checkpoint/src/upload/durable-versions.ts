import type { Log } from '@runctl/core';
import type { ManifestFile } from '@runctl/protocol';
import { isStoreError, readText } from '@runctl/store';
import type { Candidate } from '../contract/recogniser.ts';
import { NamedPlaces } from '../look/along.ts';
import { looksLikeSave, namesInText } from '../look/names-inside.ts';
import { databaseOf, isDatabase, nameOf } from '../look/names.ts';
import { carryOver, type UploadOptions } from './upload-files.ts';

/** Larger ones are no pointers. */
const LIMIT_BYTES = 64 * 1024;

export interface DurableVersionsOptions extends UploadOptions {
  readonly log: Log;
}

/** Paths of the manifest before of which all are kept, or none. */
type Together = readonly string[];

/**
 * Carries over what goes along with a candidate and is not `present` in its new version, as the manifest before has it: a
 * database with all of its files, which are of one moment; a pointer with what it named then, as far as that is not
 * there. What the bucket has lost is left out with all that needs it, and the log names it.
 */
export async function durableVersions(
  { companions, pointers = [], stale = [] }: Candidate,
  present: ReadonlySet<string>,
  options: DurableVersionsOptions,
): Promise<readonly ManifestFile[]> {
  const naming = new Set([...pointers, ...stale].map(({ path }) => path));
  const before = options.before?.files ?? [];
  const lacking = new Set([...companions, ...stale].map(({ path }) => path).filter((path) => !present.has(path)));
  const databases = new Set(Array.from(lacking).filter(isDatabase).map(databaseOf));
  const ofDatabases = before
    .map(({ path }) => path)
    .filter((path) => isDatabase(path) && databases.has(databaseOf(path)));
  const alone = before.filter(({ path }) => lacking.has(path) && !isDatabase(path) && !naming.has(path));
  const groups: readonly Together[] = [
    ...Map.groupBy(ofDatabases, databaseOf).values(),
    ...alone.map(({ path }) => [path]),
    ...(await olderPointers(new Set(Array.from(lacking).filter((path) => naming.has(path))), options)),
  ];
  const wanted = new Set(groups.flat().filter((path) => !present.has(path)));
  const carried = await carryOver(Array.from(wanted), options);
  const there = new Set([...present, ...carried.map(({ path }) => path)]);
  const lost = Array.from(wanted).filter((path) => !there.has(path));
  if (lost.length > 0) options.log.warn({ paths: lost }, 'the bucket has lost files that went along with a checkpoint');
  const whole = new Set(groups.filter((group) => group.every((path) => there.has(path))).flat());
  return carried.filter(({ path }) => whole.has(path));
}

/** Each of these pointers with the files that it named then. One that named what that manifest lacks is left out. */
async function olderPointers(
  paths: ReadonlySet<string>,
  { before, log, store, signal }: DurableVersionsOptions,
): Promise<readonly Together[]> {
  const found: Together[] = [];
  const files = before?.files ?? [];
  const places = new NamedPlaces(files, new Map());
  for (const { path, key, sizeBytes } of files) {
    if (!paths.has(path) || sizeBytes > LIMIT_BYTES) continue;
    const text = await readText(store, key, { signal }).catch(ifMissing);
    if (text === null) {
      log.warn({ path }, 'the bucket has lost a pointer that went along with a checkpoint');
      continue;
    }
    const named = namesInText(nameOf(path), text).map((each) => ({ ...each, found: places.find(each.name, path) }));
    if (named.some((each) => each.isPointer && each.found.length === 0 && looksLikeSave(each.name))) continue;
    found.push([path, ...named.flatMap((each) => each.found.map((target) => target.path))]);
  }
  return found;
}

function ifMissing(error: unknown): null {
  if (isStoreError(error, 'missing')) return null;
  throw error;
}
