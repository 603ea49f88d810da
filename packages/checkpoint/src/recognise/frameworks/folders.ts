import { isSideFile, nameOf, parentOf, stepInName } from '../../look/names.ts';
import type {
  Candidate,
  Doubt,
  FileSeen,
  FolderTree,
  RecogniseContext,
  Recogniser,
  Tracker,
} from '../../contract/recogniser.ts';

/** One folder of a tree that was looked at. */
export interface Folder {
  /** Relative to the checkpoint folder; empty for the folder itself. */
  readonly path: string;
  readonly name: string;
  /** Files directly in it, by name. */
  readonly own: ReadonlyMap<string, FileSeen>;
  /** All files in it at any depth. */
  readonly all: readonly FileSeen[];
  /** Folders directly in it. */
  readonly folders: readonly Folder[];
}

interface GrowingFolder extends Folder {
  readonly own: Map<string, FileSeen>;
  readonly all: FileSeen[];
  readonly folders: Folder[];
}

const known = new WeakMap<FolderTree, ReadonlyMap<string, Folder>>();

/** Every folder with files below it; parents come before what is in them. The same for the same tree, since every rule asks. */
export function foldersIn(tree: FolderTree): ReadonlyMap<string, Folder> {
  const folders = known.get(tree) ?? groupIntoFolders(tree);
  known.set(tree, folders);
  return folders;
}

function groupIntoFolders(tree: FolderTree): ReadonlyMap<string, Folder> {
  const found = new Map<string, GrowingFolder>();
  for (const file of tree.files) {
    const own = folderAt(found, parentOf(file.path));
    own.own.set(nameOf(file.path), file);
    for (let path = own.path; ; path = parentOf(path)) {
      found.get(path)?.all.push(file);
      if (path === '') break;
    }
  }
  return new Map(Array.from(found).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

function folderAt(found: Map<string, GrowingFolder>, path: string): GrowingFolder {
  const there = found.get(path);
  if (there !== undefined) return there;
  const folder: GrowingFolder = { path, name: nameOf(path), own: new Map(), all: [], folders: [] };
  found.set(path, folder);
  if (path !== '') folderAt(found, parentOf(path)).folders.push(folder);
  return folder;
}

/** A folder and all below it. */
export function* withAllBelow(folder: Folder): Generator<Folder> {
  yield folder;
  for (const each of folder.folders) yield* withAllBelow(each);
}

export function isBelow(path: string, folder: string): boolean {
  return folder === '' || path.startsWith(`${folder}/`);
}

/** All that a rule may ask about. */
export interface FrameworkLook extends RecogniseContext {
  readonly folders: ReadonlyMap<string, Folder>;
}

/** What a rule knows about a folder that is its framework's. */
export interface Finding {
  readonly step: number | null;
  /** Why it can't be complete; null when nothing that the framework always writes is missing. */
  readonly problem: string | null;
  readonly doubt: Doubt | null;
  /** What shows that it is complete. For people. */
  readonly evidence: string;
  /** Files outside the folder that name it. */
  readonly trackers?: readonly Tracker[];
}

/** A folder that counts as a checkpoint of one framework. */
export interface FolderRule {
  readonly name: string;
  /** Null when nothing in the folder is this framework's. */
  examine(folder: Folder, look: FrameworkLook): Finding | null;
  /** Names of this framework's folders: one beside a folder that is known for its own is a save that has barely begun. */
  readonly naming?: RegExp;
}

export function finding(given: Partial<Finding> & { readonly step: number | null }): Finding {
  return { problem: null, doubt: null, evidence: '', ...given };
}

/**
 * Makes candidates of the topmost folders that a rule knows. Folders of one step are one checkpoint; folders without any are
 * one as well where no other has a step, else they go along like all that lies outside.
 */
export function folderRecogniser(rule: FolderRule): Recogniser {
  return {
    name: rule.name,
    recognise: (tree, context) => {
      const examined = examineAll(rule, { ...context, folders: foldersIn(tree) });
      const anyStep = examined.some(({ finding: { step } }) => step !== null);
      const claimed = examined.filter(({ finding: { step } }) => step !== null || !anyStep);
      const loose = tree.files.filter((file) => !claimed.some(({ folder }) => isBelow(file.path, folder.path)));
      const bySteps = Map.groupBy(claimed, ({ finding: { step } }) => step);
      return Array.from(bySteps.values(), (same) => candidateOf(rule.name, same, loose)).filter(
        (each) => each !== null,
      );
    },
  };
}

interface Known {
  readonly folder: Folder;
  readonly finding: Finding;
}

function examineAll(rule: FolderRule, look: FrameworkLook): readonly Known[] {
  const found = new Map<string, Known>();
  for (const folder of look.folders.values()) {
    if (isWithin(folder.path, found)) continue;
    const examined = rule.examine(folder, look);
    if (examined !== null) found.set(folder.path, { folder, finding: examined });
  }
  const certain = Array.from(found.keys());
  const parents = new Set(certain.map(parentOf));
  for (const folder of rule.naming === undefined ? [] : look.folders.values()) {
    const { path, name } = folder;
    if (path === '' || !parents.has(parentOf(path)) || !rule.naming?.test(name)) continue;
    if (isWithin(path, found) || certain.some((other) => isBelow(other, path))) continue;
    const problem = `${path} has none of the files by which a finished one is known`;
    found.set(path, { folder, finding: finding({ step: stepInName(name), problem }) });
  }
  return Array.from(found.values());
}

function isWithin(path: string, found: ReadonlyMap<string, unknown>): boolean {
  for (let at = path; at !== ''; at = parentOf(at)) if (found.has(at)) return true;
  return found.has('');
}

function candidateOf(recogniser: string, same: readonly Known[], loose: readonly FileSeen[]): Candidate | null {
  const [first] = same;
  const trackers = same.flatMap(({ finding: each }) => each.trackers ?? []);
  const inside = same.flatMap(({ folder }) => folder.all);
  const files = inside.filter((file) => !isSideFile(file.path));
  if (first === undefined || files.length === 0) return null;
  const isTracker = ({ path }: FileSeen): boolean => trackers.some((tracker) => tracker.path === path);
  const problem = same.find(({ finding: each }) => each.problem !== null)?.finding.problem ?? null;
  const doubt = same.find(({ finding: each }) => each.doubt !== null)?.finding.doubt ?? null;
  return {
    recogniser,
    entry: entryOf(same.map(({ folder }) => folder.path)),
    step: first.finding.step,
    files,
    companions: [...inside.filter((file) => isSideFile(file.path)), ...loose.filter((file) => !isTracker(file))],
    marker: { complete: problem === null, evidence: problem ?? first.finding.evidence },
    ...(doubt === null ? {} : { doubt }),
    ...(trackers.length === 0 ? {} : { trackers }),
  };
}

/** What all paths have in common; `.` is the checkpoint folder itself. */
function entryOf(paths: readonly string[]): string {
  let [common = ''] = paths;
  while (!paths.every((path) => path === common || isBelow(path, common))) common = parentOf(common);
  return common === '' ? '.' : common;
}
