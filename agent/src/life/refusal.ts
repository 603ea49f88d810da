import type { Clock, Log } from '@runctl/core';
import type { Host } from '../host/host.ts';
import type { RunDocuments } from '../reporting/run-documents.ts';
import { insist } from './insist.ts';
import type { LearnedFacts } from './learn.ts';

export interface CapacityParts {
  readonly documents: Pick<RunDocuments, 'machines'>;
  readonly host: Pick<Host, 'successors'>;
  readonly learned: LearnedFacts;
}

export interface RefusalParts extends CapacityParts {
  readonly clock: Clock;
  readonly log: Log;
}

/** Why this machine must not train, or null. Proven before any training; asks until it is answered. */
export async function trainingRefusal(parts: RefusalParts, signal: AbortSignal): Promise<string | null> {
  const { clock, host, log } = parts;
  const { spec } = parts.learned;
  const { kind } = spec.workload;
  if (kind === 'container') return `the run is a ${kind}; this agent runs scripts, modules and commands`;
  if (spec.nodes !== 1) return `the run wants ${spec.nodes} machines at once; this agent trains on one`;
  const patience = { clock, log, signal };
  const capacity = await insist('the launch could not be looked up', () => launchCapacity(parts), patience);
  if (capacity === null) return null;
  const ask = () => host.successors.mayEnd(capacity);
  const may = await insist('it is not known whether this machine may end its launch', ask, patience);
  return may.granted ? null : may.why;
}

/**
 * What starts machines for this launch, or null. Asks the bucket where the machine itself does not know: the launch may
 * write its machines down after this one has started. Rejects as the store does.
 */
export async function launchCapacity({ documents, host, learned }: CapacityParts): Promise<string | null> {
  if (learned.capacity !== null || learned.intent === null) return learned.capacity;
  return host.successors.capacityIn((await documents.machines())?.ref ?? null);
}
