import type { Candidate, FileSeen } from '../contract/recogniser.ts';
import { isWeightsName } from '../formats/file-kinds.ts';
import { type MovementFacts, PATIENCE } from './movement.ts';
import { databaseOf, isDatabase, isSideFile, nameOf, parentOf, stepEntryOf } from './names.ts';

/** In the name of a file or folder that each save of its kind overwrites. */
const OVERWRITTEN = /(?:^|[._-])(best|last|latest|newest|current|final|ema|swa)(?:[._-]|$)/i;

/**
 * Which files beside a checkpoint are saved together, so that those of two moments must not be mixed: a database with its
 * logs, a folder of weights (`best/`), and files of one folder that the same word marks (`best_model.pt`, `best.json`).
 */
export class CompanionSets {
  readonly #folders: ReadonlySet<string>;
  readonly #alone: ReadonlySet<string>;

  /** `apart`: paths that belong to no set, whatever their names say. */
  constructor(
    { files, companions, pointers = [], stale = [] }: Pick<Candidate, 'files' | 'companions' | 'pointers' | 'stale'>,
    apart: ReadonlySet<string> = new Set(),
  ) {
    const shared = new Set(files.flatMap(({ path }) => foldersOf(path)));
    const counting = companions.map(({ path }) => path).filter((path) => !isSideFile(path));
    const withWeights = new Set(counting.filter((path) => isWeightsName(path)).map(parentOf));
    const isSet = (folder: string): boolean => withWeights.has(folder) || OVERWRITTEN.test(nameOf(folder));
    this.#folders = new Set(counting.flatMap(foldersOf).filter((folder) => !shared.has(folder) && isSet(folder)));
    this.#alone = new Set([...[...files, ...pointers, ...stale].map(({ path }) => path), ...apart]);
  }

  /** A name for the set that a path belongs to, whether it is there or not; null for a file that is saved alone. */
  nameFor(path: string): string | null {
    if (isDatabase(path)) return databaseOf(path);
    if (isSideFile(path) || this.#alone.has(path)) return null;
    const folder = foldersOf(path).find((each) => this.#folders.has(each));
    if (folder !== undefined) return `${folder}/`;
    const word = stepEntryOf(path) === null ? OVERWRITTEN.exec(nameOf(path))?.[1] : undefined;
    return word === undefined ? null : `${parentOf(path)}/*${word.toLowerCase()}*`;
  }
}

export interface SettledSets extends Pick<Candidate, 'companions'> {
  /** Paths of what is kept alone or not at all, since its set would wait for it in vain. */
  readonly apart: ReadonlySet<string>;
}

/**
 * Those of the settled companions whose sets are settled as a whole. Where some files of a set were written well after
 * others, more of it may come, so that it has to be still for longer. `inVain`: whether no set is to wait for a file, which
 * may be settled or not.
 */
export function inSettledSets(
  candidate: Candidate,
  settled: readonly FileSeen[],
  { facts, inVain }: { readonly facts: MovementFacts; readonly inVain: (file: FileSeen) => boolean },
): SettledSets {
  const paths = new Set(settled.map(({ path }) => path));
  const named = new CompanionSets(candidate);
  const members = candidate.companions.filter(({ path }) => !isDatabase(path) && named.nameFor(path) !== null);
  const apart = new Set(members.filter(inVain).map(({ path }) => path));
  const sets = new CompanionSets(candidate, apart);
  const files = members.filter(({ path }) => !apart.has(path));
  const unsettled = Array.from(Map.groupBy(files, ({ path }) => sets.nameFor(path)))
    .filter(([, set]) => set.some(({ path }) => !paths.has(path)) || mayGoOn(set, facts))
    .map(([name]) => name);
  return { companions: settled.filter(({ path }) => !unsettled.includes(sets.nameFor(path))), apart };
}

/** Whether a save of these files may be under way though all are still: some are new, and others may be the old ones. */
function mayGoOn(set: readonly FileSeen[], { ended, nowMs, settleMs, sightings }: MovementFacts): boolean {
  if (ended?.clean === true) return false;
  const timeOf = (file: FileSeen): number =>
    ended === null ? (sightings.get(file.path)?.sinceMs ?? nowMs) : file.mtimeMs;
  const times = set.map(timeOf);
  const newest = Math.max(...times);
  const areApart = newest - Math.min(...times) > settleMs;
  return areApart && (ended?.atMs ?? nowMs) - newest < settleMs * PATIENCE.stepless;
}

/** The folders that a path lies in, the outermost first. */
function foldersOf(path: string): readonly string[] {
  const parent = parentOf(path);
  return parent === '' ? [] : [...foldersOf(parent), parent];
}
