import { type Log, messageOf } from '@runctl/core';
import type { Checkpoints } from '../checkpoints/checkpoint-port.ts';
import type { RunDocuments } from './run-documents.ts';

export interface DurableStepParts {
  readonly documents: Pick<RunDocuments, 'latest'>;
  readonly checkpoints: Pick<Checkpoints, 'publisher'>;
  readonly log: Log;
}

/**
 * The step that a restore would yield now, as the bucket has it: this machine may have come to its end before it looked at
 * what earlier ones saved. Falls back to what this machine knows where the bucket does not answer before the signal fires.
 * Never rejects.
 */
export async function durableStep(
  { documents, checkpoints, log }: DurableStepParts,
  signal: AbortSignal,
): Promise<number | null> {
  try {
    return (await documents.latest(signal))?.step ?? null;
  } catch (error) {
    log.warn({ error: messageOf(error) }, 'what is durable could not be looked up');
    return checkpoints.publisher.durable()?.step ?? null;
  }
}
