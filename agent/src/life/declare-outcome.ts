import type { LeaseKeeper } from '@runctl/checkpoint';
import type { LaunchOutcome } from '@runctl/protocol';
import type { RunDocuments } from '../reporting/run-documents.ts';

export interface DeclareOutcomeParts {
  readonly documents: Pick<RunDocuments, 'endLaunch' | 'leaseGeneration'>;
  /** Null: this agent never got as far as asking for it. */
  readonly lease: Pick<LeaseKeeper, 'mayPublish' | 'view'> | null;
}

/**
 * Writes the launch's outcome. Resolves with the one that counts; with null, and nothing written, where another machine has
 * taken the lease that was held here: the run goes on there, and how it ends is for that machine to say. Rejects as the
 * store does.
 */
export async function declareOutcome(
  { documents, lease }: DeclareOutcomeParts,
  outcome: LaunchOutcome,
  signal: AbortSignal,
): Promise<LaunchOutcome | null> {
  if (lease !== null && (await isTaken({ documents, lease }, signal))) return null;
  return documents.endLaunch(outcome, signal);
}

/** A machine that was cut off for longer than its lease lives knows of a successor only by the document. */
async function isTaken(
  { documents, lease }: { readonly [Part in keyof DeclareOutcomeParts]: NonNullable<DeclareOutcomeParts[Part]> },
  signal: AbortSignal,
): Promise<boolean> {
  const own = lease.view().generation;
  if (own === null || lease.mayPublish() !== null) return false;
  return ((await documents.leaseGeneration(signal)) ?? own) > own;
}
