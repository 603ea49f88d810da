import type { LeaseKeeper, LeaseLook } from '@runctl/checkpoint';
import type { LaunchOutcome } from '@runctl/protocol';
import type { RunDocuments } from '../reporting/run-documents.ts';

export interface DeclareOutcomeParts {
  readonly documents: Pick<RunDocuments, 'endLaunch'>;
  /** Null: this agent never got as far as asking for it. */
  readonly lease: Pick<LeaseKeeper, 'mayPublish' | 'view'> | null;
  readonly leaseLook: Pick<LeaseLook, 'heldLast' | 'otherHolder'>;
}

type LookParts = Pick<DeclareOutcomeParts, 'lease' | 'leaseLook'>;

/**
 * Writes the launch's outcome. Resolves with the one that counts; with null, and nothing written, where another machine has
 * the lease: the run goes on there, and how it ends is for that machine to say. Look and write are two requests on two keys:
 * whoever takes the lease between them finds its launch ended. Rejects as the store does.
 */
export async function declareOutcome(
  { documents, ...look }: DeclareOutcomeParts,
  outcome: LaunchOutcome,
  signal: AbortSignal,
): Promise<LaunchOutcome | null> {
  return (await isElsewhere(look, signal)) ? null : documents.endLaunch(outcome, signal);
}

/**
 * Whether another machine may have the run, where the bucket refused the outcome. Where it refuses the look too, a machine
 * that held the lease ends nothing but itself: the next one, if the bucket refuses that too, ends the launch as one that
 * never held it, so that a boot more is paid for instead of another's training being ended. Never rejects.
 */
export async function mayBeElsewhere(look: LookParts, signal: AbortSignal): Promise<boolean> {
  return isElsewhere(look, signal).catch(async () => (await ownGeneration(look)) !== null);
}

/** A machine that was cut off for longer than its lease lives, or never held it, knows of a holder only by the document. */
async function isElsewhere(look: LookParts, signal: AbortSignal): Promise<boolean> {
  const { lease, leaseLook } = look;
  if ((lease?.mayPublish() ?? null) !== null) return false;
  return (await leaseLook.otherHolder(await ownGeneration(look), { signal })) !== null;
}

/** Of the lease that this machine held last; null where it never held it. */
async function ownGeneration({ lease, leaseLook }: LookParts): Promise<number | null> {
  return lease?.view().generation ?? leaseLook.heldLast();
}
