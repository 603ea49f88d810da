import { isRunctlError, messageOf } from '@runctl/core';
import {
  type CheckpointOrder,
  compareOrder,
  decodeDocument,
  encodeDocument,
  FORMAT_VERSION,
  parseShardKey,
  runKeys,
  type Shard,
  shard as shardSchema,
  type ShardRound,
  shardRound,
  timestampOf,
} from '@runctl/protocol';
import { isStoreError, readBytes } from '@runctl/store';
import { assertMayPublish, type BucketAccess, type Publishing } from './commit.ts';

/** Node 0 looks this often whether the others have answered. */
const LOOK_MS = 1000;

export interface OpenRound {
  readonly order: CheckpointOrder;
  readonly nonce: string;
  readonly step: number;
  readonly nodes: number;
}

/** Asks every node for its files of a step. Only node 0, the lease's holder. The nonce is new, so the key is too. */
export async function openRound(publishing: Publishing, { order, nonce, step, nodes }: OpenRound): Promise<void> {
  assertMayPublish(publishing);
  const round: ShardRound = {
    version: FORMAT_VERSION,
    ...order,
    nonce,
    step,
    nodes,
    at: timestampOf(publishing.clock.wallMs()),
  };
  const key = runKeys(publishing.run).shardRound(order, nonce);
  await publishing.store.put(key, encodeDocument(shardRound, round), { signal: publishing.signal });
}

export type Gathered =
  | { readonly shards: readonly Shard[] }
  /** What kept the round from being complete, for people. */
  | { readonly missing: string };

/**
 * Waits until nodes 1 and up have answered, until `untilMs` (monotonic). An answer counts only if it is of this very round,
 * by its nonce: what an older generation, or a round that was given up, left or sends late is of another.
 */
export async function gatherShards(publishing: Publishing, round: OpenRound, untilMs: number): Promise<Gathered> {
  const { clock, signal } = publishing;
  const shards = new Map<number, Shard>();
  const refused = new Map<number, string>();
  for (;;) {
    assertMayPublish(publishing);
    await readAnswers(publishing, round, { shards, refused });
    const missing = Array.from({ length: round.nodes - 1 }, (_, index) => index + 1).filter(
      (node) => !shards.has(node),
    );
    if (missing.length === 0) return { shards: Array.from(shards.values()) };
    // An answer is given once, so one that can't be used won't be followed by a better one.
    if (refused.size > 0 || clock.monotonicMs() >= untilMs) return { missing: missingText(missing, round, refused) };
    await clock.sleep(Math.min(LOOK_MS, Math.max(1, untilMs - clock.monotonicMs())), signal);
  }
}

async function readAnswers(
  { store, run, signal }: BucketAccess,
  round: OpenRound,
  { shards, refused }: { readonly shards: Map<number, Shard>; readonly refused: Map<number, string> },
): Promise<void> {
  const keys = runKeys(run);
  for await (const { key } of store.list({ prefix: keys.shardRoundFolder(round.order, round.nonce), signal })) {
    const node = parseShardKey(key)?.node ?? null;
    if (node === null || node < 1 || node >= round.nodes || shards.has(node) || refused.has(node)) continue;
    try {
      const answer = decodeDocument(shardSchema, await readBytes(store, key, { signal }), key);
      const problem = problemOf(answer, round, node);
      if (problem === null) shards.set(node, answer);
      else refused.set(node, problem);
    } catch (error) {
      if (!isRunctlError(error)) throw error;
      refused.set(node, messageOf(error));
    }
  }
}

function problemOf(answer: Shard, round: OpenRound, node: number): string | null {
  const isOfRound = compareOrder(answer, round.order) === 0 && answer.nonce === round.nonce;
  if (!isOfRound || answer.node !== node) return 'its answer belongs to another round';
  if (answer.step !== round.step) return `it saved step ${answer.step}`;
  return answer.declined ?? (answer.files.length === 0 ? 'its answer names no file' : null);
}

function missingText(missing: readonly number[], round: OpenRound, refused: ReadonlyMap<number, string>): string {
  const each = missing.map((node) => {
    const why = refused.get(node);
    return why === undefined ? `node ${node}` : `node ${node} (${why})`;
  });
  return `${round.nodes - missing.length} of ${round.nodes} nodes delivered step ${round.step} in time; missing: ${each.join(', ')}`;
}

/** The newest round of a generation that is not among `answered` (nonces); null when there is none. */
export async function newestRound(
  { store, run, signal }: BucketAccess,
  generation: number,
  answered: ReadonlySet<string>,
): Promise<ShardRound | null> {
  const rounds: { readonly key: string; readonly nonce: string; readonly seq: number; readonly atMs: number }[] = [];
  for await (const { key, lastModifiedMs: atMs } of store.list({ prefix: runKeys(run).shardsFolder, signal })) {
    const parsed = parseShardKey(key);
    if (parsed?.node === null && parsed.generation === generation)
      rounds.push({ key, nonce: parsed.nonce, seq: parsed.seq, atMs });
  }
  const highest = Math.max(...rounds.map(({ seq }) => seq));
  // A restarted node 0 may give a number again to which no bytes were written.
  const newest = rounds
    .filter(({ seq, nonce }) => seq === highest && !answered.has(nonce))
    .toSorted((a, b) => b.atMs - a.atMs)[0];
  if (newest === undefined) return null;
  try {
    return decodeDocument(shardRound, await readBytes(store, newest.key, { signal }), newest.key);
  } catch (error) {
    if (isStoreError(error, 'missing')) return null;
    throw error;
  }
}
