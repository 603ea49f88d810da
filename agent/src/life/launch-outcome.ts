import { newNonce } from '@runctl/core';
import { FORMAT_VERSION, type LaunchOutcome, timestampOf } from '@runctl/protocol';
import type { LifeContext } from './attempt-context.ts';

/** The outcome of this launch, with what this machine knows of its workload. */
export function outcomeOf(
  { checkpoints, life, ports }: LifeContext,
  what: Pick<LaunchOutcome, 'status' | 'cause' | 'message'>,
): LaunchOutcome {
  return {
    version: FORMAT_VERSION,
    run: ports.config.run,
    launch: ports.config.launch,
    ...what,
    exitCode: life.lastExit?.code ?? null,
    signal: life.lastExit?.signal ?? null,
    step: life.lastStep,
    durableStep: checkpoints.publisher.durable()?.step ?? null,
    generation: life.generation,
    at: timestampOf(ports.clock.wallMs()),
    nonce: newNonce(),
  };
}
