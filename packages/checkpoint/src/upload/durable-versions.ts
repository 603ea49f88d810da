import type { Log } from '@runctl/core';
import type { ManifestFile } from '@runctl/protocol';
import { isStoreError, readText } from '@runctl/store';
import type { Candidate } from '../contract/recogniser.ts';
import { NamedPlaces } from '../look/along.ts';
import { CompanionSets, type SettledSets } from '../look/companion-sets.ts';
import { looksLikeSave, namesInText } from '../look/names-inside.ts';
import { nameOf } from '../look/names.ts';
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
 * set with all of its files, which are of one moment; a pointer with what it named then, as far as that is not there. What
 * the bucket has lost is left out with all that needs it, and the log names it.
 */
export async function durableVersions(
  { apart, candidate }: Pick<SettledSets, 'apart'> & { readonly candidate: Candidate },
  present: ReadonlySet<string>,
  options: DurableVersionsOptions,
): Promise<readonly ManifestFile[]> {
  const { companions, pointers = [], stale = [] } = candidate;
  const naming = new Set([...pointers, ...stale].map(({ path }) => path));
  const before = (options.before?.files ?? []).map(({ path }) => path);
  const lacking = new Set([...companions, ...stale].map(({ path }) => path).filter((path) => !present.has(path)));
  const sets = new CompanionSets(candidate, apart);
  const alone = before.filter((path) => lacking.has(path) && sets.nameFor(path) === null && !naming.has(path));
  const groups: readonly Together[] = [
    ...lackingSets(sets, before, { lacking, present }),
    ...alone.map((path) => [path]),
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

/** The files of each set of which one is lacking and none is present. */
function lackingSets(
  sets: CompanionSets,
  before: readonly string[],
  { lacking, present }: { readonly lacking: ReadonlySet<string>; readonly present: ReadonlySet<string> },
): readonly Together[] {
  const namesOf = (paths: ReadonlySet<string>) => new Set(Array.from(paths, (path) => sets.nameFor(path)));
  const [lackingNames, presentNames] = [namesOf(lacking), namesOf(present)];
  return Array.from(Map.groupBy(before, (path) => sets.nameFor(path)))
    .filter(([name]) => name !== null && lackingNames.has(name) && !presentNames.has(name))
    .map(([, paths]) => paths);
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
