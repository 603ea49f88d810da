import { stepInName } from '../names.ts';
import { newerThan } from './doubts.ts';
import {
  finding,
  type Finding,
  type Folder,
  type FolderRule,
  folderRecogniser,
  isBelow,
  type Look,
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
    const items = itemsIn(folder, look);
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
function itemsIn(folder: Folder, look: Look): readonly Folder[] {
  return Array.from(look.folders.values()).filter(
    (each) =>
      isBelow(each.path, folder.path) &&
      each.path === `${folder.path === '' ? '' : `${folder.path}/`}${each.name}` &&
      (each.own.has(ITEM_METADATA) ||
        each.own.has(TREE) ||
        Array.from(look.folders.keys()).some((path) => path.startsWith(`${each.path}/ocdbt.process_`))),
  );
}

function missingFrom(folder: Folder, items: readonly Folder[], look: Look): string | null {
  if (!folder.own.has(STEP_METADATA)) return `${folder.path}/${STEP_METADATA}, which is written last, is missing`;
  if (folder.own.get(COMMITTED)?.sizeBytes === 0) return `${folder.path}/${COMMITTED} is empty`;
  for (const item of items) {
    if (!item.own.has(ITEM_METADATA)) return `${item.path}/${ITEM_METADATA} is missing`;
    const parts = Array.from(look.folders.values()).filter(
      (each) => each.path.startsWith(`${item.path}/ocdbt.process_`) && !each.name.startsWith('d'),
    );
    if ((parts.length > 0 || look.folders.has(`${item.path}/d`)) && !item.own.has(TREE))
      return `${item.path}/${TREE} is missing`;
    for (const part of parts)
      if (part.name.startsWith('ocdbt.') && !part.own.has(TREE)) return `${part.path}/${TREE} is missing`;
    if (item.own.has(TREE) && !look.folders.has(`${item.path}/d`) && parts.length === 0)
      return `${item.path} has no arrays`;
    if (folder.own.has(COMMITTED) && !item.own.has(COMMITTED)) return `${item.path}/${COMMITTED} is missing`;
    if (item.own.has(COMMITTED) && !folder.own.has(COMMITTED))
      return `${folder.path}/${COMMITTED}, which is written last, is missing`;
  }
  return items.length === 0 ? `${folder.path} has no item with arrays` : null;
}

function databaseOf(folder: Folder, items: readonly Folder[]) {
  return folder.all.filter(({ path }) => items.some((item) => isBelow(path, item.path)));
}
