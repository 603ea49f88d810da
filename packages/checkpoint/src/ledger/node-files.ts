import { newNonce } from '@runctl/core';
import type { CheckpointOrder, Manifest, ManifestFile, Shard } from '@runctl/protocol';
import type { Publishing } from './commit.ts';
import { gatherShards, openRound, type OpenRound } from './shard-rounds.ts';

export interface NodesOfRun {
  /** This one. */
  readonly node: number;
  readonly count: number;
  /** See `PublisherOptions`. */
  readonly gatherMs: number;
}

export interface FilesOfNodes {
  readonly files: readonly ManifestFile[];
  readonly nodes: readonly number[];
}

/** Asks the other nodes for their files of this step. Null in a run of one machine. Rejects as `openRound` does. */
export async function openRoundFor(
  publishing: Publishing,
  order: CheckpointOrder,
  { step, nodes: { count } }: { readonly step: number | null; readonly nodes: NodesOfRun },
): Promise<OpenRound | { readonly problem: string } | null> {
  if (count === 1) return null;
  if (step === null)
    return { problem: `nothing tells its step, so the files of ${count} machines can't be known to belong together` };
  const round = { order, nonce: newNonce(), step, nodes: count };
  await openRound(publishing, round);
  return round;
}

/** Adds the files of the other nodes, for which it waits up to `gatherMs`, to this node's own. */
export async function gatherNodeFiles(
  publishing: Publishing,
  {
    own,
    round,
    of: { node, gatherMs },
  }: { readonly own: readonly ManifestFile[]; readonly round: OpenRound | null; readonly of: NodesOfRun },
): Promise<FilesOfNodes | { readonly missing: string }> {
  if (round === null) return { files: own, nodes: [node] };
  const gathered = await gatherShards(publishing, round, publishing.clock.monotonicMs() + gatherMs);
  if ('missing' in gathered) return gathered;
  const shards = [{ node, files: [...own] }, ...gathered.shards];
  return { files: mergeShards(shards), nodes: shards.map((each) => each.node).sort((a, b) => a - b) };
}

/**
 * The files of all nodes as one manifest has them, each with whose it is. A path that several nodes have with the same
 * content is one file, the lowest node's; where the content differs, each node's is kept.
 */
export function mergeShards(shards: readonly Pick<Shard, 'node' | 'files'>[]): readonly ManifestFile[] {
  const byPath = new Map<string, ManifestFile[]>();
  for (const { node, files } of shards.toSorted((a, b) => a.node - b.node))
    for (const file of files) {
      const others = byPath.get(file.path) ?? [];
      if (!others.some((other) => isSame(other, file))) byPath.set(file.path, [...others, { ...file, node }]);
    }
  return Array.from(byPath.keys())
    .sort()
    .flatMap((path) => byPath.get(path) ?? []);
}

const isSame = (a: ManifestFile, b: ManifestFile): boolean => a.sizeBytes === b.sizeBytes && a.sha256 === b.sha256;

/**
 * What a node restores: every node's files, since a sharded checkpoint is read as one folder (torch DCP and Megatron look
 * for all ranks' shards when the ranks are laid out anew, and a replacement may get another index). Of a path that differs
 * between nodes the node's own, else the lowest node's.
 */
export function manifestForNode(manifest: Manifest, node: number): Manifest {
  if (manifest.files.every((file) => file.node === undefined)) return manifest;
  const chosen = new Map<string, ManifestFile>();
  for (const file of manifest.files.toSorted((a, b) => (a.node ?? 0) - (b.node ?? 0)))
    if (!chosen.has(file.path) || file.node === node) chosen.set(file.path, file);
  return { ...manifest, files: Array.from(chosen.values()).sort((a, b) => (a.path < b.path ? -1 : 1)) };
}

/** The manifest with what a node itself saved; all of it in a run of one machine. */
export function savedByNode(manifest: Manifest, node: number): Manifest {
  return { ...manifest, files: manifest.files.filter((file) => file.node === undefined || file.node === node) };
}
