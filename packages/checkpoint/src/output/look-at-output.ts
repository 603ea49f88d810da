import { realpath } from 'node:fs/promises';
import { relative } from 'node:path';
import type { PassedOver } from '../contract/passed-over.ts';
import type { FileSeen } from '../contract/recogniser.ts';
import { parentOf } from '../look/names.ts';
import { scanFolder, unlessGone } from '../look/scan.ts';
import { unkeepable } from '../look/unkeepable.ts';

export interface OutputLook {
  /** In order of their paths, those with temporary and hidden names too. */
  readonly files: readonly FileSeen[];
  /** What can't be kept, with why. */
  readonly unkept: readonly PassedOver[];
}

/** Runctl's own, in folders that are file systems of their own. */
const OWN = /^\.runctl-/;
/** What ext4 puts into every file system. */
const FILE_SYSTEMS = /^lost\+found$/;

/** One look at the output folder, without what lies below the checkpoint folder. One that is missing is empty. */
export async function lookAtOutput(folder: string, checkpointFolder: string): Promise<OutputLook> {
  const { files, unfinished, passedOver } = await scanFolder(folder, { unfinished: true });
  const isOutput = await outputPaths(folder, checkpointFolder);
  const all = [...files, ...unfinished].filter(({ path }) => isOutput(path));
  const look = sorted(all);
  const links = passedOver.filter(({ path }) => isOutput(path)).map(({ path }) => ({ path, why: NO_FILE }));
  return { ...look, unkept: [...look.unkept, ...links] };
}

/** One look at some files and folders of another folder, with all that is in them. */
export async function lookAtEntries(folder: string, entries: readonly string[]): Promise<OutputLook> {
  const { files, unfinished } = await scanFolder(folder, { unfinished: true });
  const all = [...files, ...unfinished];
  const wanted = new Set(entries);
  const found = new Set<string>();
  const isWanted = ({ path }: FileSeen): boolean => {
    const at = withParents(path).filter((each) => wanted.has(each));
    for (const each of at) found.add(each);
    return at.length > 0;
  };
  const look = sorted(all.filter(isWanted));
  const gone = entries.filter((entry) => !found.has(entry));
  return { ...look, unkept: [...look.unkept, ...gone.map((path) => ({ path, why: 'is gone' }))] };
}

/** A path, the folders that it lies in, and the folder that all lie in. */
function withParents(path: string): readonly string[] {
  return path === '' ? ['.'] : [path, ...withParents(parentOf(path))];
}

/** The files in order, apart from those that can't be kept. */
function sorted(all: readonly FileSeen[]): OutputLook {
  const unkept = all.flatMap((file) => {
    const why = unkeepable(file);
    return why === null ? [] : [{ path: file.path, why }];
  });
  const left = new Set(unkept.map(({ path }) => path));
  return { files: all.filter(({ path }) => !left.has(path)).sort((a, b) => (a.path < b.path ? -1 : 1)), unkept };
}

const NO_FILE = 'is no file of this folder, or may not be read';

async function outputPaths(folder: string, checkpointFolder: string): Promise<(path: string) => boolean> {
  const [root, checkpoints] = await Promise.all([folder, checkpointFolder].map((each) => unlessGone(realpath(each))));
  const inside = root === null || checkpoints === null ? '..' : relative(root ?? '', checkpoints ?? '');
  const isInside = inside !== '' && !inside.startsWith('..');
  return (path) => {
    const top = path.split('/')[0] ?? '';
    return !OWN.test(top) && !FILE_SYSTEMS.test(top) && !(isInside && `${path}/`.startsWith(`${inside}/`));
  };
}
