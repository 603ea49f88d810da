import { DCP_METADATA, stepInName } from '../../look/names.ts';
import type { Doubt, FileSeen } from '../../contract/recogniser.ts';
import { newerThan } from './doubts.ts';
import {
  finding,
  type Finding,
  type Folder,
  type FolderRule,
  folderRecogniser,
  withAllBelow,
  type FrameworkLook,
} from './folders.ts';

const SHARD = /^__\d+_\d+\.distcp$/;
const SHARD_IN_METADATA = /__\d+_\d+\.distcp/g;
const METADATA_LIMIT_BYTES = 8 * 1024 * 1024;

/**
 * torch.distributed.checkpoint: every rank writes `__<rank>_<n>.distcp` in place, then the coordinator writes `.metadata` to
 * a temporary name and renames it (torch/distributed/checkpoint/filesystem.py, `finish`). It is a pickle whose text names
 * every shard. With per-rank metadata (`use_collectives=False`) it is `__<rank>.metadata`.
 */
export function examineDcp(
  folder: Folder,
  look: FrameworkLook,
): { problem: string | null; doubt: Doubt | null } | null {
  const shards = Array.from(folder.own).filter(([name]) => SHARD.test(name));
  const markers = Array.from(folder.own).filter(([name]) => name === DCP_METADATA || /^__\d+\.metadata$/.test(name));
  if (shards.length === 0 && !folder.own.has(DCP_METADATA)) return null;
  const place = folder.path === '' ? '' : `${folder.path}/`;
  const [marker] = markers;
  if (marker === undefined)
    return { problem: `${place}${DCP_METADATA}, which is written last, is missing`, doubt: null };
  for (const [, file] of markers) {
    const problem = problemOfMetadata(file, folder, look);
    if (problem !== null) return { problem, doubt: null };
  }
  if (shards.length === 0) return { problem: `${place} has no shards`, doubt: null };
  const newest = markers.map(([, file]) => file).toSorted((a, b) => b.mtimeMs - a.mtimeMs)[0] ?? marker[1];
  return {
    problem: null,
    doubt: newerThan(
      newest,
      shards.map(([, file]) => file),
    ),
  };
}

const PICKLE_STOP = 0x2e;

function problemOfMetadata({ path, sizeBytes }: FileSeen, { own }: Folder, look: FrameworkLook): string | null {
  const bytes = look.readStart(path, METADATA_LIMIT_BYTES);
  if (bytes === null) return `${path} can't be read`;
  if (bytes.length === sizeBytes && bytes.at(-1) !== PICKLE_STOP) return `${path} is cut off`;
  for (const [name] of bytes.toString('latin1').matchAll(SHARD_IN_METADATA))
    if (!own.has(name)) return `${name}, which ${path} names, is missing`;
  return null;
}

/** All DCP folders at or below a folder; null when there are none. */
export function examineDcpWithin(
  folder: Folder,
  look: FrameworkLook,
): { problem: string | null; doubt: Doubt | null } | null {
  const findings = Array.from(withAllBelow(folder), (each) => examineDcp(each, look)).filter((each) => each !== null);
  if (findings.length === 0) return null;
  const problem = findings.find((each) => each.problem !== null)?.problem ?? null;
  return { problem, doubt: findings.find((each) => each.doubt !== null)?.doubt ?? null };
}

/** A folder of a step with DCP checkpoints in it, or one that holds one itself. */
const rule: FolderRule = {
  name: 'torch-dcp',
  examine: (folder, look): Finding | null => {
    const step = folder.path === '' ? null : stepInName(folder.name);
    const known = step === null ? examineDcp(folder, look) : examineDcpWithin(folder, look);
    if (known === null) return null;
    return finding({ step, ...known, evidence: `${DCP_METADATA}, which is written last, names every shard` });
  },
};

export const dcpRecogniser = folderRecogniser(rule);
