import { stepInName } from '../../look/names.ts';
import { newerThan } from './doubts.ts';
import {
  finding,
  type Finding,
  type Folder,
  type FolderRule,
  folderRecogniser,
  isBelow,
  type FrameworkLook,
} from './folders.ts';

const STEP_METADATA = '_CHECKPOINT_METADATA';
const ITEM_METADATA = '_METADATA';
const TREE = 'manifest.ocdbt';
const COMMITTED = 'commit_success.txt';

/**
 * Orbax writes a step into `<step>.orbax-checkpoint-tmp-…`, which is never looked into, and renames it; where renames are no
 * commit it writes `commit_success.txt` last (orbax/checkpoint/_src/path/atomicity.py). `_CHECKPOINT_METADATA` and each item's
 * `_METADATA` come after the arrays, whose database (OCDBT) has its root in `manifest.ocdbt`. Which files of the database there
 * must be stands compressed in that root, so one that is missing there goes unnoticed.
 */
const rule: FolderRule = {
  name: 'orbax',
  naming: /^(?:\w+_)?\d+$/,
  examine: (folder, look): Finding | null => {
    const items = itemsIn(folder);
    if (folder.path === '' || (!folder.own.has(STEP_METADATA) && items.length === 0)) return null;
    const step = stepInName(folder.name);
    const problem = missingFrom(folder, items, look);
    const marker = folder.own.get(COMMITTED) ?? folder.own.get(STEP_METADATA);
    const doubt = marker === undefined || problem !== null ? null : newerThan(marker, databaseOf(folder, items));
    return finding({
      step,
      problem,
      doubt,
      evidence: `${marker?.path ?? STEP_METADATA}, which is written last, is there`,
    });
  },
};

export const orbaxRecogniser = folderRecogniser(rule);

/** Folders directly inside that hold arrays. */
function itemsIn(folder: Folder): readonly Folder[] {
  return folder.folders.filter((each) => each.own.has(ITEM_METADATA) || each.own.has(TREE) || partsOf(each).length > 0);
}

/** One for each process that wrote. */
function partsOf(item: Folder): readonly Folder[] {
  return item.folders.filter((each) => each.name.startsWith('ocdbt.process_'));
}

function missingFrom(folder: Folder, items: readonly Folder[], look: FrameworkLook): string | null {
  const place = (path: string, name: string): string => `${path}/${name}, which is written last, is missing`;
  const metadata = folder.own.get(STEP_METADATA);
  if (metadata === undefined) return place(folder.path, STEP_METADATA);
  if (folder.own.get(COMMITTED)?.sizeBytes === 0) return `${folder.path}/${COMMITTED} is empty`;
  const names = Object.keys(objectIn(look.readText(metadata.path))['item_handlers'] ?? {});
  const absent = names.find((name) => !folder.folders.some((each) => each.name === name));
  if (absent !== undefined) return `${folder.path}/${absent}, which ${STEP_METADATA} names, is missing`;
  if (items.length === 0) return `${folder.path} has no item with arrays`;
  const committed = [folder, ...items].filter((each) => each.own.has(COMMITTED));
  const uncommitted = [folder, ...items].find((each) => !each.own.has(COMMITTED));
  if (committed.length > 0 && uncommitted !== undefined) return place(uncommitted.path, COMMITTED);
  return items.map((item) => missingFromItem(item, look)).find((missing) => missing !== null) ?? null;
}

function missingFromItem(item: Folder, look: FrameworkLook): string | null {
  const metadata = item.own.get(ITEM_METADATA);
  if (metadata === undefined) return `${item.path}/${ITEM_METADATA} is missing`;
  const data = item.folders.some((each) => each.name === 'd');
  const database = data || partsOf(item).length > 0 || objectIn(look.readText(metadata.path))['use_ocdbt'] === true;
  const rootless = [...partsOf(item), ...(database ? [item] : [])].find((each) => !each.own.has(TREE));
  if (rootless !== undefined) return `${rootless.path}/${TREE} is missing`;
  const stored = [item, ...partsOf(item)].some((each) => each.folders.some(({ name }) => name === 'd'));
  return database && !stored ? `${item.path} has no arrays` : null;
}

/** Nothing where the text is no JSON object: its structure is judged elsewhere. */
function objectIn(text: string | null): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text ?? '');
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function databaseOf(folder: Folder, items: readonly Folder[]) {
  return folder.all.filter(({ path }) => items.some((item) => isBelow(path, item.path)));
}
