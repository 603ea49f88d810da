import { isLeaseHeld, judgeRetention, prune } from '@runctl/checkpoint';
import { command, RunctlError } from '@runctl/core';
import type { RetentionPolicy } from '@runctl/protocol';
import type { LaunchPorts } from '../launch/launch-ports.ts';
import { createRunReader } from '../run/run-reader.ts';
import { lastLaunch, type RunRecord } from '../run/run-record.ts';
import { hasEnded, stateOf } from '../run/run-state.ts';
import { whileLaptopHolds } from '../stop/take-over.ts';

export interface KeptOrNot {
  readonly manifestKey: string;
  readonly step: number | null;
  readonly keep: boolean;
  readonly why: string;
}

export interface RunCleanup {
  readonly run: string;
  readonly policy: RetentionPolicy;
  readonly signal: AbortSignal;
}

/** What stays and goes of a run that has ended. Errors: `run-active`, `run-not-found`, StoreError. */
export async function judgeRun(ports: LaunchPorts, options: RunCleanup): Promise<readonly KeptOrNot[]> {
  const { run, policy, signal } = options;
  await endedRun(ports, run);
  const access = { store: ports.cloud.store, run, signal, generation: Number.MAX_SAFE_INTEGER };
  const judged = await judgeRetention(access, { policy, known: new Map(), damaged: [] });
  return (judged?.decisions ?? []).map(({ manifest, keep, why }) => ({
    manifestKey: manifest.key,
    step: manifest.facts?.step ?? null,
    keep,
    why,
  }));
}

/**
 * Deletes what no rule wants of a run that has ended, as the holder of its lease, so that no machine takes it up meanwhile.
 * Returns the keys of the deleted manifests. Errors: `run-active`, `lease-held`, StoreError.
 */
export async function pruneRun(ports: LaunchPorts, options: RunCleanup): Promise<readonly string[]> {
  const { run, policy, signal } = options;
  const { store } = ports.cloud;
  const record = await endedRun(ports, run);
  const launch = lastLaunch(record)?.launch ?? 1;
  const deleted = await whileLaptopHolds(
    ports,
    { spec: record.spec, launch, signal },
    async ({ generation, mayPublish }) => {
      const publishing = { store, run, signal, clock: ports.clock, generation, mayPublish };
      return (await prune(publishing, { policy, known: new Map(), damaged: [] })).manifests;
    },
  );
  if (deleted === null) throw new RunctlError('lease-held', `somebody has taken up ${run} just now`);
  return deleted;
}

async function endedRun({ cloud, clock }: LaunchPorts, run: string): Promise<RunRecord> {
  const record = await createRunReader({ store: cloud.store, run, clock }).read();
  if (!isLeaseHeld(record.lease) && (lastLaunch(record) === null || hasEnded(stateOf(record)))) return record;
  throw new RunctlError('run-active', `${run} has not ended: its agent keeps its checkpoints by its own rules`, {
    hint: ['stop it first (', command('stop', run), '), or launch with --keep-last'],
  });
}
