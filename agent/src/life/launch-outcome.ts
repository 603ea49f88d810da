import { type Clock, newNonce } from '@runctl/core';
import { FORMAT_VERSION, type LaunchOutcome, type Timing, timestampOf } from '@runctl/protocol';
import type { AgentSelf } from '../reporting/document-head.ts';
import { durableStep, type DurableStepParts } from '../reporting/durable-step.ts';
import type { LifeState } from '../reporting/life-state.ts';
import type { LaunchEnding } from './departure.ts';

export interface LaunchOutcomeParts extends DurableStepParts {
  readonly self: Pick<AgentSelf, 'run' | 'launch'>;
  readonly life: LifeState;
  readonly timing: Pick<Timing, 'reportReserveMs'>;
  readonly clock: Clock;
}

/** The outcome of this launch, with what this machine knows of its workload. Never rejects. */
export async function outcomeOf(
  parts: LaunchOutcomeParts,
  what: LaunchEnding,
  signal: AbortSignal,
): Promise<LaunchOutcome> {
  const { clock, life, self, timing } = parts;
  // The lease runs on meanwhile, and nobody renews it.
  const soon = AbortSignal.any([signal, AbortSignal.timeout(timing.reportReserveMs)]);
  return {
    version: FORMAT_VERSION,
    run: self.run,
    launch: self.launch,
    ...what,
    exitCode: life.lastExit?.code ?? null,
    signal: life.lastExit?.signal ?? null,
    step: life.lastStep,
    durableStep: await durableStep(parts, soon),
    generation: life.generation,
    at: timestampOf(clock.wallMs()),
    nonce: newNonce(),
  };
}
