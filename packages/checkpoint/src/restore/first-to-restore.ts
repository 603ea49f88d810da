import { RunctlError } from '@runctl/core';
import type { Manifest } from '@runctl/protocol';
import type { BucketAccess } from '../ledger/commit.ts';
import { manifestChain, describeLink, singleLink } from '../ledger/manifest-chain.ts';
import { refusalOf } from './refusal.ts';

export interface FirstToRestore {
  readonly manifestKey: string;
  readonly manifest: Manifest;
  /** For people, as a restore gives them. */
  readonly warnings: readonly string[];
}

/**
 * The checkpoint that a restore would take, as far as manifests tell: no data is read. Null when there is none. Rejects with
 * `checkpoint-not-found` when none can be restored, or not the one that was asked for; with `newer-format`.
 */
export async function firstToRestore(
  access: BucketAccess & { readonly manifestKey?: string },
): Promise<FirstToRestore | null> {
  const { manifestKey: wanted } = access;
  const chain = wanted === undefined ? await manifestChain(access) : singleLink(access, wanted);
  const warnings = [...chain.warnings];
  let found = false;
  for await (const link of chain.links) {
    const { key, manifest } = link;
    const problem = manifest === null ? link.problem : refusalOf(manifest, access.run);
    if (manifest !== null && problem === null) return { manifestKey: key, manifest, warnings };
    if (wanted !== undefined)
      throw new RunctlError('checkpoint-not-found', `${key} can't be restored: ${problem}`, {
        hint: 'leave the choice out to take the newest that can be',
      });
    found = true;
    warnings.push(`${describeLink(link)} could not be used: ${problem}; taking the checkpoint before it`);
  }
  if (!found) return null;
  throw new RunctlError('checkpoint-not-found', 'none of its checkpoints can be restored', {
    hint: warnings.join('\n'),
  });
}
