import type { Candidate, FileSeen, FolderTree, PointerNames, RecogniseContext } from '../contract/recogniser.ts';
import { looksLikeSave, type NameInside, namesInside } from './names-inside.ts';
import { isSideFile, parentOf, stepEntryOf } from './names.ts';
import { fingerprintOf } from './scan.ts';

/** Names that stand in files, by fingerprint: a file that has not changed is not read again. */
export class NamesMemory {
  #known = new Map<string, readonly NameInside[]>();

  /** Reads each file that could name others and was not read as it is now; forgets those that are gone. */
  namesIn(files: readonly FileSeen[], context: RecogniseContext): ReadonlyMap<string, readonly NameInside[]> {
    const known = new Map<string, readonly NameInside[]>();
    const byPath = new Map<string, readonly NameInside[]>();
    for (const file of files) {
      const as = `${file.path} ${fingerprintOf(file)}`;
      const names = this.#known.get(as) ?? (isSideFile(file.path) ? [] : namesInside(file, context));
      known.set(as, names);
      if (names.length > 0) byPath.set(file.path, names);
    }
    this.#known = known;
    return byPath;
  }
}

/**
 * Adds to each candidate the files that one of its own or one that goes along with it names. A pointer that names what is
 * not there, or a later save, is out of date: it does not go along, and `stale` says so.
 */
export function withNamedFiles(
  candidates: readonly Candidate[],
  tree: FolderTree,
  names: ReadonlyMap<string, readonly NameInside[]>,
): readonly Candidate[] {
  if (names.size === 0 || !candidates.some(({ step }) => step !== null)) return candidates;
  const stepped = candidates.flatMap(({ step, files }) =>
    step === null ? [] : files.map(({ path }) => [path, step] as const),
  );
  const places = new NamedPlaces(tree.files, new Map(stepped));
  return candidates.map((candidate) => withNamed(candidate, names, places));
}

function withNamed(
  candidate: Candidate,
  names: ReadonlyMap<string, readonly NameInside[]>,
  places: NamedPlaces<FileSeen>,
): Candidate {
  const own = new Set(candidate.files.map(({ path }) => path));
  // They go along with a text of their own.
  const trackers = new Set(candidate.trackers?.map(({ path }) => path));
  const added = new Map<string, FileSeen>();
  const pointers: PointerNames[] = [];
  const stale: FileSeen[] = [];
  const companions = new Set(candidate.companions);
  for (const file of [...candidate.files, ...candidate.companions]) {
    const targets: FileSeen[] = [];
    let isStale = false;
    for (const { name, isPointer } of names.get(file.path) ?? []) {
      const found = places.find(name, file.path);
      const isLater = found.some(({ path }) => isLaterThan(candidate, places.stepOf(path)));
      if (isLater || (found.length === 0 && isPointer && looksLikeSave(name))) isStale = true;
      else targets.push(...found.filter(({ path }) => !trackers.has(path)));
    }
    if (isStale && !own.has(file.path)) {
      stale.push(file);
      companions.delete(file);
      continue;
    }
    for (const target of targets) if (!own.has(target.path) && !companions.has(target)) added.set(target.path, target);
    if (targets.length > 0) pointers.push({ path: file.path, targets: targets.map(({ path }) => path) });
  }
  if (pointers.length === 0 && stale.length === 0) return candidate;
  return { ...candidate, companions: [...companions, ...added.values()], pointers, stale };
}

function isLaterThan({ step }: Candidate, other: number | null): boolean {
  return step !== null && other !== null && other > step;
}

/** Those of `paths` that name one which is not among them, or one that itself has to be left out for that. */
export function danglingAmong(
  paths: ReadonlySet<string>,
  { pointers = [], files }: Pick<Candidate, 'pointers' | 'files'>,
): ReadonlySet<string> {
  const own = new Set(files.map(({ path }) => path));
  const dangling = new Set<string>();
  const isThere = (path: string): boolean => own.has(path) || (paths.has(path) && !dangling.has(path));
  for (let before = -1; before < dangling.size;) {
    before = dangling.size;
    for (const { path, targets } of pointers)
      if (paths.has(path) && !own.has(path) && !targets.every(isThere)) dangling.add(path);
  }
  return dangling;
}

/** Finds files by the names that scripts write down for them. */
export class NamedPlaces<T extends { readonly path: string }> {
  readonly #byPath: ReadonlyMap<string, T>;
  readonly #all: readonly T[];
  readonly #steps: ReadonlyMap<string, number>;
  readonly #found = new Map<string, readonly T[]>();

  /** `steps`: of files whose paths bear none. */
  constructor(files: readonly T[], steps: ReadonlyMap<string, number>) {
    this.#all = files;
    this.#byPath = new Map(files.map((file) => [file.path, file]));
    this.#steps = steps;
  }

  stepOf(path: string): number | null {
    return this.#steps.get(path) ?? stepEntryOf(path)?.step ?? null;
  }

  /** The files of a save by its path, by the end of its path, by its name without extension, or by its step. */
  find(name: string, from: string): readonly T[] {
    if (/^\d+$/.test(name)) return this.#all.filter(({ path }) => this.stepOf(path) === Number(name));
    const segments = name.split('/').filter((segment) => segment !== '' && segment !== '.');
    if (segments.length === 0 || segments.includes('..')) return [];
    const folder = parentOf(from);
    const asked = `${folder} ${name}`;
    const known = this.#found.get(asked) ?? this.#search(segments, folder);
    this.#found.set(asked, known);
    return known;
  }

  #search(segments: readonly string[], folder: string): readonly T[] {
    for (let start = 0; start < segments.length; start++) {
      const end = segments.slice(start).join('/');
      for (const place of folder === '' ? [end] : [`${folder}/${end}`, end]) {
        const found = this.#at(place);
        if (found.length > 0) return found;
      }
    }
    return [];
  }

  #at(place: string): readonly T[] {
    const file = this.#byPath.get(place);
    if (file !== undefined) return [file];
    const below = this.#all.filter(({ path }) => path.startsWith(`${place}/`));
    return below.length > 0 ? below : this.#all.filter(({ path }) => path.startsWith(`${place}.`));
  }
}
