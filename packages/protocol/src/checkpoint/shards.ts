import * as z from 'zod';
import { generation, nodeIndex, nonce, timestamp, versioned } from '../codec.ts';
import { manifestFile, sequence } from './manifest.ts';

const round = { generation, seq: sequence, nonce, step: z.number().int().nonnegative() };

/** `shards/<gen>-<seq>-<nonce>/round.json`: node 0 asks every node for its files of one step. */
export const shardRound = versioned.extend({ ...round, nodes: z.number().int().min(2), at: timestamp });
export type ShardRound = z.output<typeof shardRound>;

/**
 * `shards/<gen>-<seq>-<nonce>/<node>.json`: one node's answer, written once its files are uploaded and did not change
 * meanwhile, or once it is known that they will never be.
 */
export const shard = versioned.extend({
  ...round,
  node: nodeIndex,
  /** Why the recogniser called this node's part complete, for people. */
  evidence: z.string(),
  /** Why this node will never have the step; then there are no files. */
  declined: z.string().nullable(),
  files: z.array(manifestFile),
  savedAt: timestamp,
  at: timestamp,
});
export type Shard = z.output<typeof shard>;
