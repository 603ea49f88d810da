import { type Clock, formatBytes, formatDuration, type Log, messageOf, until } from '@runctl/core';
import type { AgentPaths, AttemptStarted, RunSpec } from '@runctl/protocol';
import type { OutputFolder } from '@runctl/checkpoint';
import { isStoreError, type ObjectStore } from '@runctl/store';
import type { Checkpoints } from '../checkpoints/checkpoint-port.ts';
import type { Journal } from '../journal/journal.ts';
import { pauseAfterMs } from '../recovery/policy.ts';
import type { LifeState } from '../reporting/life-state.ts';
import type { Account } from '../workload/account.ts';
import { placeCode, type UnpackCode } from './code.ts';
import { downloadAccount } from './download-account.ts';
import { restoreOutput } from './output.ts';
import { emptyScriptFolder, scriptsOwnFolder } from './script-folder.ts';

/** The parts of an agent's life that preparing takes. */
export interface PreparationContext {
  readonly ports: {
    readonly clock: Clock;
    readonly log: Log;
    readonly paths: Pick<AgentPaths, 'state' | 'script'>;
    readonly store: ObjectStore;
    readonly account: Account;
    readonly unpackCode: UnpackCode;
  };
  readonly facts: { readonly spec: Pick<RunSpec, 'project' | 'checkpoint' | 'timing'> };
  readonly folders: { readonly code: string; readonly checkpoint: string; readonly output: string | null };
  readonly journal: Journal;
  readonly life: LifeState;
  readonly checkpoints: Pick<Checkpoints, 'restore'>;
  /** Null where the run keeps no folder besides its checkpoints. */
  readonly output: Pick<OutputFolder, 'restore'> | null;
}

export interface Prepared {
  /** Absolute path of what to resume from; null for a start from nothing. */
  readonly resumeFrom: string | null;
  readonly stagesMs: Readonly<Record<string, number>>;
  readonly resumedFrom: AttemptStarted['resumedFrom'];
}

/** Everything between the lease and the spawn: the pause after a crash, the code, the checkpoint. */
export async function prepareWorkload(context: PreparationContext, signal: AbortSignal): Promise<Prepared> {
  const { ports, journal } = context;
  const stagesMs: Record<string, number> = {};
  const stage = async <T>(name: string, work: () => Promise<T>): Promise<T> => {
    const startedMs = ports.clock.monotonicMs();
    const result = await work();
    stagesMs[name] = Math.round(ports.clock.monotonicMs() - startedMs);
    return result;
  };
  await stage('backoff', () => pauseAfterCrash(context, signal));
  await emptyScriptFolder(ports.paths.script, ports.account);
  await stage('code', () => patiently(context, signal, () => bringCode(context, signal)));
  await scriptsOwnFolder(context.folders.checkpoint, ports.account);
  const restored = await stage('restore', () => patiently(context, signal, () => restore(context, signal)));
  await stage('output', () => patiently(context, signal, () => bringOutput(context, signal)));
  await journal.updateAttempt({ resumedFrom: restored.resumedFrom, backoffUntil: null });
  signal.throwIfAborted();
  return { ...restored, stagesMs };
}

const PASSING = ['transient', 'conflict', 'credentials'] as const;
const REFUSED = ['denied', 'bucket-missing'] as const;

/**
 * A bucket that does not answer is no failure of the workload: it is waited for as long as it takes. One that refuses, for
 * as long as a right that was given back may take to count.
 */
function patiently<T>(
  { facts, ports, life }: PreparationContext,
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T> {
  let refusedSinceMs: number | null = null;
  return until(work, {
    clock: ports.clock,
    signal,
    isFinal: (error) => {
      if (!isStoreError(error, ...PASSING, ...REFUSED)) return true;
      const nowMs = ports.clock.monotonicMs();
      refusedSinceMs = isStoreError(error, ...REFUSED) ? (refusedSinceMs ?? nowMs) : null;
      return refusedSinceMs !== null && nowMs - refusedSinceMs >= facts.spec.timing.refusedMs;
    },
    onTrouble: ({ error, attempt }) => {
      ports.log.warn({ error: messageOf(error), attempt }, 'preparing has to wait for the bucket');
      life.enter('preparing', `waiting for the bucket: ${messageOf(error)}`);
    },
  });
}

async function pauseAfterCrash(
  { facts, ports, journal, life }: PreparationContext,
  signal: AbortSignal,
): Promise<void> {
  const { attempt } = journal.state;
  if (attempt === null || attempt.backoffUntil === null) return;
  // A wall clock that was set back meanwhile makes the pause no longer.
  const wholeMs = pauseAfterMs(attempt.earlierCrashes + attempt.crashes.length, facts.spec.timing);
  const remainingMs = Math.min(wholeMs, Date.parse(attempt.backoffUntil) - ports.clock.wallMs());
  if (remainingMs <= 0) return;
  const last = attempt.crashes.at(-1);
  life.enter('backoff', `waiting ${formatDuration(remainingMs)} to start again after: ${last?.failure ?? 'a crash'}`);
  await ports.clock.sleep(remainingMs, signal);
}

/** Also while waiting for the lease: it changes nothing that another machine can see. */
export async function bringCode(
  { ports, facts, folders, journal, life }: PreparationContext,
  signal: AbortSignal,
): Promise<void> {
  const { project } = facts.spec;
  if (project === null || journal.state.codeUnpacked === project.treeHash) return;
  if (life.phase !== 'waiting')
    life.enter('preparing', `fetching the project (${formatBytes(project.archiveSizeBytes)})`);
  await placeCode({
    store: ports.store,
    project,
    archivePath: `${ports.paths.state}/code.tar.gz`,
    folder: folders.code,
    account: ports.account,
    unpack: ports.unpackCode,
    signal,
  });
  await journal.update({ codeUnpacked: project.treeHash });
}

/** After a crash here the folder is as the script left it, and what it deleted stays deleted. */
async function bringOutput(
  { folders, journal, life, output, ports }: PreparationContext,
  signal: AbortSignal,
): Promise<void> {
  if (folders.output === null) return;
  await scriptsOwnFolder(folders.output, ports.account);
  if (output !== null && (journal.state.attempt?.crashes ?? []).length === 0)
    await restoreOutput({ life, output }, signal);
}

async function restore(
  { ports, facts, checkpoints, journal, life }: PreparationContext,
  signal: AbortSignal,
): Promise<Pick<Prepared, 'resumeFrom' | 'resumedFrom'>> {
  if (facts.spec.checkpoint.resume === 'never') return { resumeFrom: null, resumedFrom: null };
  life.enter('preparing', 'looking for a checkpoint');
  const attempt = journal.state.attempt;
  const restored = await checkpoints.restore({
    signal,
    cutOffSinceMs: attempt === null || attempt.cutOffSince === null ? null : Date.parse(attempt.cutOffSince),
    onProgress: downloadAccount(ports.clock, (text) => life.enter('preparing', text)),
  });
  if (restored === null) return { resumeFrom: null, resumedFrom: null };
  for (const warning of restored.warnings) life.warn(warning);
  const { manifest, manifestKey, warnings, entryPath, leftBehind } = restored;
  return {
    resumeFrom: entryPath,
    resumedFrom: {
      manifest: manifestKey,
      step: manifest.step,
      warnings: [...warnings],
      ...(leftBehind === null ? {} : { leftBehind }),
    },
  };
}
