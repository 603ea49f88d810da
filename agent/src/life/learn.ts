import { join } from 'node:path';
import { type Clock, type Log, RunctlError } from '@runctl/core';
import type { AgentConfig, LaunchIntent, RunSpec } from '@runctl/protocol';
import type { RunDocuments } from '../reporting/run-documents.ts';
import { isStoreError } from '@runctl/store';
import type { Host, HostIdentity } from '../host/host.ts';
import type { Journal } from '../journal/journal.ts';
import { insist } from './insist.ts';

/** The facts of an agent that knows its run: constant over all attempts on this machine. */
export interface LearnedFacts {
  readonly spec: RunSpec;
  readonly intent: LaunchIntent | null;
  readonly identity: HostIdentity;
  /** What starts machines for this launch, as this machine or the launch's documents name it; null where neither does. */
  readonly capacity: string | null;
}

export interface LearnParts {
  readonly host: Pick<Host, 'identity' | 'successors'>;
  readonly documents: Pick<RunDocuments, 'spec' | 'intent' | 'machines'>;
  /** Which documents those are, as user data says. */
  readonly written: AgentConfig['written'];
  readonly journal: Journal;
  readonly clock: Clock;
  readonly log: Log;
  /** A bucket that refuses for this long is taken to refuse for good. */
  readonly refusedMs: number;
}

/**
 * Learns who and what this agent is for. Asks until it is answered, and rejects with `not-as-launched` where the bucket has
 * other documents than the laptop wrote, and with `boot-failed` where it refuses for good. What an
 * earlier agent on this machine learned is taken from the journal, so that a restart in the middle of a notice, without
 * network even, goes on at once.
 */
export async function learn(
  { host, documents, written, journal, clock, log, refusedMs }: LearnParts,
  signal: AbortSignal,
): Promise<LearnedFacts> {
  const kept = journal.state.facts;
  if (kept !== null) return kept;
  const patience = { clock, log, signal };
  const identity = await insist('the machine has no identity yet', () => host.identity(), patience);
  const { specSha256, intentSha256 } = written;
  const readSpec = () => documents.spec(specSha256);
  const spec = await insist('the spec of the run could not be read', readSpec, { ...patience, refusedMs }).catch(
    refused,
  );
  const readIntent = async () => (intentSha256 === null ? null : documents.intent(intentSha256));
  const intent = await insist('the intent could not be read', readIntent, patience);
  const read = () => documents.machines();
  const machines = await insist('the machines of the launch could not be read', read, patience);
  const capacity = identity.capacity ?? host.successors.capacityIn(machines?.ref ?? null);
  const facts = { spec, intent, identity, capacity };
  await journal.update({ facts });
  return facts;
}

function refused(error: unknown): never {
  if (!isStoreError(error, 'denied', 'bucket-missing')) throw error;
  throw new RunctlError('boot-failed', `the bucket refuses this machine: ${error.message}`, {
    hint: "docs/aws-account.md has the rights that the machine's role needs",
    cause: error,
  });
}

/** Folders of a run on this machine. */
export interface RunFolders {
  readonly code: string;
  readonly checkpoint: string;
  /** Null where the run keeps no folder besides its checkpoints. */
  readonly output: string | null;
}

/** The folders of the project, of its checkpoints and of its output on this machine. */
export function runFolders(spec: RunSpec, home: string): RunFolders {
  const code = join(home, spec.project?.name ?? spec.run);
  const { dir, outputDir } = spec.checkpoint;
  const placed = (path: string): string => (path.startsWith('/') ? path : join(code, path));
  return { code, checkpoint: placed(dir), output: outputDir === undefined ? null : placed(outputDir) };
}
