import { compareKeys } from '../../port/keys.ts';
import type { Comparison } from './checksums.ts';
import type { LocalFile } from './local-tree.ts';
import type { RemoteFile } from './remote-tree.ts';

export type Direction = 'up' | 'down' | 'both';
/** Which side wins where both have a file with other content, and neither side is the source. */
export type Preference = 'local' | 'remote' | 'newer';

export type ActionKind = 'upload' | 'download' | 'keep' | 'delete-local' | 'delete-remote' | 'conflict';

export interface TreeAction {
  readonly kind: ActionKind;
  readonly path: string;
  /** Bytes that move, or that are there. */
  readonly sizeBytes: number;
  /** For people. */
  readonly why: string;
}

export interface TreePlanInput {
  readonly local: readonly LocalFile[];
  readonly remote: readonly RemoteFile[];
  readonly direction: Direction;
  /** Deletes at the destination what the source does not have; never with `both`. */
  readonly deleteOthers?: boolean;
  /** For `both`; without one, differing files are conflicts and stay as they are. */
  readonly prefer?: Preference;
  /** Paths at the source that could not be read: what stands at the destination under them, or below them, is not deleted. */
  readonly spared?: readonly string[];
  /** Of every pair that `pairsToCompare` names. */
  readonly compared: ReadonlyMap<string, Comparison>;
}

/** Paths whose content must be compared before a plan can be made: those of equal size on both sides. */
export function pairsToCompare(
  local: readonly LocalFile[],
  remote: readonly RemoteFile[],
): readonly { readonly local: LocalFile; readonly remote: RemoteFile }[] {
  const there = new Map(remote.map((file) => [file.path, file]));
  return local.flatMap((file) => {
    const other = there.get(file.path);
    return other?.sizeBytes === file.sizeBytes ? [{ local: file, remote: other }] : [];
  });
}

/** What to do with every path of either side, in order of the paths. Never decides by times, unless `newer` is preferred. */
export function planTree(input: TreePlanInput): readonly TreeAction[] {
  const local = new Map(input.local.map((file) => [file.path, file]));
  const remote = new Map(input.remote.map((file) => [file.path, file]));
  const paths = [...new Set([...local.keys(), ...remote.keys()])].sort(compareKeys);
  return paths.flatMap((path) => {
    const here = local.get(path);
    const there = remote.get(path);
    if (here !== undefined && there !== undefined) return [both(here, there, input)];
    if (here !== undefined) return onlyLocal(here, input);
    return there === undefined ? [] : onlyRemote(there, input);
  });
}

function onlyLocal({ path, sizeBytes }: LocalFile, input: TreePlanInput): readonly TreeAction[] {
  if (input.direction !== 'down') return [{ kind: 'upload', path, sizeBytes, why: 'not in the bucket' }];
  if (input.deleteOthers !== true || isSpared(path, input)) return [];
  return [{ kind: 'delete-local', path, sizeBytes, why: 'not in the bucket' }];
}

function onlyRemote({ path, sizeBytes }: RemoteFile, input: TreePlanInput): readonly TreeAction[] {
  if (input.direction !== 'up') return [{ kind: 'download', path, sizeBytes, why: 'not in the folder' }];
  if (input.deleteOthers !== true || isSpared(path, input)) return [];
  return [{ kind: 'delete-remote', path, sizeBytes, why: 'not in the folder' }];
}

function isSpared(path: string, { spared = [] }: TreePlanInput): boolean {
  return spared.some((each) => path === each || path.startsWith(`${each}/`));
}

function both(here: LocalFile, there: RemoteFile, input: TreePlanInput): TreeAction {
  const { path } = here;
  const difference = differenceOf(here, there, input);
  if (difference === null) {
    const by = input.compared.get(path)?.by ?? 'length';
    return { kind: 'keep', path, sizeBytes: here.sizeBytes, why: sameWords[by] };
  }
  const side = sourceOf(here, there, input);
  if (side === null)
    return { kind: 'conflict', path, sizeBytes: here.sizeBytes, why: `${difference}: which one is right is not known` };
  return side === 'local'
    ? { kind: 'upload', path, sizeBytes: here.sizeBytes, why: difference }
    : { kind: 'download', path, sizeBytes: there.sizeBytes, why: difference };
}

const sameWords = { md5: 'same content (MD5)', crc32: 'same content (CRC-32)', length: 'both are empty' };

/** Null when nothing has to be moved. */
function differenceOf(here: LocalFile, there: RemoteFile, input: TreePlanInput): string | null {
  if (here.sizeBytes !== there.sizeBytes)
    return `other size (${here.sizeBytes} B in the folder, ${there.sizeBytes} B in the bucket)`;
  const compared = input.compared.get(here.path);
  if (compared?.same === true) return null;
  return compared?.same === false ? 'other content (CRC-32)' : 'the object has no checksum to compare with';
}

function sourceOf(here: LocalFile, there: RemoteFile, input: TreePlanInput): 'local' | 'remote' | null {
  if (input.direction === 'up') return 'local';
  if (input.direction === 'down') return 'remote';
  if (input.prefer !== 'newer') return input.prefer ?? null;
  // S3 tells whole seconds.
  const difference = Math.floor(here.modifiedMs / 1000) - Math.floor(there.lastModifiedMs / 1000);
  if (difference === 0) return null;
  return difference > 0 ? 'local' : 'remote';
}
