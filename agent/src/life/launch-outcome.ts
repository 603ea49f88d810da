import { messageOf, newNonce } from '@runctl/core';
import { FORMAT_VERSION, type LaunchOutcome, timestampOf } from '@runctl/protocol';
import type { LifeContext } from './attempt-context.ts';

/** The outcome of this launch, with what this machine knows of its workload. */
export async function outcomeOf(
  context: LifeContext,
  what: Pick<LaunchOutcome, 'status' | 'cause' | 'message'>,
  signal: AbortSignal,
): Promise<LaunchOutcome> {
  const { facts, life, ports } = context;
  // The lease runs on meanwhile, and nobody renews it.
  const soon = AbortSignal.any([signal, AbortSignal.timeout(facts.spec.timing.reportReserveMs)]);
  return {
    version: FORMAT_VERSION,
    run: ports.config.run,
    launch: ports.config.launch,
    ...what,
    exitCode: life.lastExit?.code ?? null,
    signal: life.lastExit?.signal ?? null,
    step: life.lastStep,
    durableStep: await durableStep(context, soon),
    generation: life.generation,
    at: timestampOf(ports.clock.wallMs()),
    nonce: newNonce(),
  };
}

/**
 * The step that a restore would yield now, as the bucket has it: this machine may have come to its end before it looked at
 * what earlier ones saved. Where the bucket does not tell before the signal fires: what this machine knows. Never rejects.
 */
export async function durableStep(
  { checkpoints, documents, ports }: Pick<LifeContext, 'checkpoints' | 'documents' | 'ports'>,
  signal: AbortSignal,
): Promise<number | null> {
  try {
    return (await documents.latest(signal))?.step ?? null;
  } catch (error) {
    ports.log.warn({ error: messageOf(error) }, 'what is durable could not be looked up');
    return checkpoints.publisher.durable()?.step ?? null;
  }
}
