import type { CallOptions, ObjectInfo, ObjectStore } from '../../port/object-store.ts';
import { collisions, fileNameProblem, type FolderRules, pathProblem, type Refused } from './names.ts';
import type { PathFilter } from './path-filter.ts';

export interface RemoteFile extends ObjectInfo {
  /** The key behind the prefix. */
  readonly path: string;
}

export interface RemoteTree {
  /** Empty, or ends with `/`. */
  readonly prefix: string;
  readonly files: readonly RemoteFile[];
  readonly refused: readonly Refused[];
}

export interface RemoteOptions extends CallOptions {
  readonly filter?: PathFilter;
  /** Of the folder that the objects are meant for; left out where they go nowhere. */
  readonly rules?: FolderRules;
}

/**
 * The objects below a prefix whose names a folder can hold. Names that would climb out of it, collide in it or that it
 * can't hold are refused. Objects that only stand for a folder (their key ends with `/`) are left out.
 */
export async function listRemoteTree(
  store: ObjectStore,
  prefix: string,
  options: RemoteOptions = {},
): Promise<RemoteTree> {
  const { filter, rules, signal } = options;
  const found: RemoteFile[] = [];
  const refused: Refused[] = [];
  for await (const info of store.list({ prefix, signal })) {
    const path = info.key.slice(prefix.length);
    if (path === '' || (path.endsWith('/') && info.sizeBytes === 0)) continue;
    if (filter !== undefined && !filter(path)) continue;
    const problem = pathProblem(path) ?? (rules === undefined ? null : fileNameProblem(path, rules));
    if (problem === null) found.push({ ...info, path });
    else refused.push({ path, why: problem });
  }
  if (rules !== undefined)
    refused.push(
      ...collisions(
        found.map((file) => file.path),
        rules,
      ),
    );
  const left = new Set(refused.map((each) => each.path));
  return { prefix, files: found.filter((file) => !left.has(file.path)), refused };
}
