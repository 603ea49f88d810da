import { join } from 'node:path';
import { backoffMs, messageOf, RunctlError } from '@runctl/core';
import type { LaunchIntent, RunSpec } from '@runctl/protocol';
import type { RunDocuments } from '../reporting/run-documents.ts';
import type { HostIdentity } from '../host/host.ts';
import type { Journal } from '../journal/journal.ts';
import type { AgentPorts } from './ports.ts';

export interface LearnedFacts {
  readonly spec: RunSpec;
  readonly intent: LaunchIntent | null;
  readonly identity: HostIdentity;
  /** What starts machines for this launch, as this machine or the launch's documents name it; null where neither does. */
  readonly capacity: string | null;
}

const PAUSES = { attempts: Number.POSITIVE_INFINITY, baseMs: 500, maxMs: 30_000 };

/**
 * Who and what this agent is for. Asks until it is answered; what an earlier agent on this machine learned is taken from
 * the journal, so that a restart in the middle of a notice, without network even, goes on at once.
 */
export async function learn(
  { ports, documents, journal }: { ports: AgentPorts; documents: RunDocuments; journal: Journal },
  signal: AbortSignal,
): Promise<LearnedFacts> {
  const kept = journal.state.facts;
  if (kept !== null) return kept;
  const identity = await until('the machine has no identity yet', () => ports.host.identity(), { ports, signal });
  const spec = await until('the spec of the run could not be read', () => documents.spec(), { ports, signal });
  const intent = await until('the intent could not be read', () => documents.intent(), { ports, signal });
  const read = () => documents.machines();
  const machines = await until('the machines of the launch could not be read', read, { ports, signal });
  const capacity = identity.capacity ?? ports.host.successors.capacityIn(machines?.ref ?? null);
  const facts = { spec, intent, identity, capacity };
  await journal.update({ facts });
  return facts;
}

/** Another format stays another format. */
const INCURABLE: ReadonlySet<string> = new Set(['newer-format', 'older-format']);

/** Calls until it succeeds; rejects only with the signal's reason, or with an error that no repetition cures. */
export async function until<T>(
  complaint: string,
  operation: () => Promise<T>,
  { ports, signal }: { readonly ports: Pick<AgentPorts, 'clock' | 'log'>; readonly signal: AbortSignal },
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await operation();
    } catch (error) {
      if (signal.aborted || (error instanceof RunctlError && INCURABLE.has(error.code))) throw error;
      ports.log.warn({ error: messageOf(error), attempt }, complaint);
      await ports.clock.sleep(backoffMs(PAUSES, Math.min(attempt, 10), Math.random()), signal);
    }
  }
}

/** Where the project and its checkpoints lie on this machine. */
export function foldersOf(spec: RunSpec, home: string): { readonly code: string; readonly checkpoint: string } {
  const code = join(home, spec.project?.name ?? spec.run);
  const { dir } = spec.checkpoint;
  return { code, checkpoint: dir.startsWith('/') ? dir : join(code, dir) };
}
