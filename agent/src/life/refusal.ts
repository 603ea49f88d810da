import type { LifeContext } from './attempt-context.ts';
import { insist } from './insist.ts';
import type { LearnedFacts } from './learn.ts';

type Parts = Pick<LifeContext, 'documents' | 'facts' | 'ports'>;

/** Why this machine must not train, or null. Proven before any training. */
export async function trainingRefusal(
  parts: Parts,
  learned: LearnedFacts,
  signal: AbortSignal,
): Promise<string | null> {
  const { facts, ports } = parts;
  const { kind } = facts.spec.workload;
  if (kind !== 'script') return `the run is a ${kind}; this agent runs scripts`;
  if (facts.spec.nodes !== 1) return `the run wants ${facts.spec.nodes} machines at once; this agent trains on one`;
  const find = () => launchCapacity(parts, learned);
  const capacity = await insist('the launch could not be looked up', find, { ports, signal });
  if (capacity === null) return null;
  const ask = () => ports.host.successors.mayEnd(capacity);
  const may = await insist('it is not known whether this machine may end its launch', ask, { ports, signal });
  return may.granted ? null : may.why;
}

/** What starts machines for this launch, or null. The launch may write its machines down after this one has started. */
export async function launchCapacity(
  { documents, ports }: Pick<Parts, 'documents' | 'ports'>,
  { capacity, intent }: LearnedFacts,
): Promise<string | null> {
  if (capacity !== null || intent === null) return capacity;
  return ports.host.successors.capacityIn((await documents.machines())?.ref ?? null);
}
