import type { ProgressEvent } from '@runctl/protocol/events';
import { stat } from 'node:fs/promises';
import {
  firstToRestore,
  type FirstToRestore,
  prefetchLatest,
  readOutput,
  type RestoredCheckpoint,
  settlePrefetched,
} from '@runctl/checkpoint';
import { type Clock, command, type Log, RunctlError } from '@runctl/core';
import type { ObjectStore } from '@runctl/store';
import { chosenManifest, type Choice } from './choose.ts';
import { emitting } from '../transfer/emitting.ts';
import { fatalProblem } from '../transfer/problems.ts';
import { ProgressMeter } from '../transfer/progress-meter.ts';

export interface PullOptions {
  readonly store: ObjectStore;
  readonly run: string;
  /** Absolute. */
  readonly folder: string;
  /** Empty = the newest that can be restored. */
  readonly choice: Choice;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** Keeps other pulls out of the folder until it is disposed of. Errors: `transfer-incomplete` when there is one. */
  readonly lock: (folder: string) => Promise<AsyncDisposable>;
}

export interface Pulled extends RestoredCheckpoint {
  readonly tookMs: number;
}

const PROGRESS_MS = 500;

/**
 * Brings a checkpoint of a run into a folder, verified; what else is in the folder stays. Run again after an interruption
 * it goes on with the parts that are missing. Errors: `checkpoint-not-found`, `disk-full`, `usage`,
 * `transfer-incomplete` when another pull into it is under way, StoreError.
 */
export function pullCheckpoint(options: PullOptions): AsyncGenerator<ProgressEvent, Pulled> {
  return emitting(async (emit) => {
    const { clock, folder, run } = options;
    const startedMs = clock.monotonicMs();
    let shown: { readonly step: number | null; readonly meter: ProgressMeter; doneBytes: number } | null = null;
    let lastMs = Number.NEGATIVE_INFINITY;
    const onProgress = (now: { doneBytes: number; totalBytes: number; step: number | null }): void => {
      if (shown === null || shown.step !== now.step)
        shown = { step: now.step, meter: new ProgressMeter({ bytes: now.totalBytes, files: 0 }), doneBytes: 0 };
      shown.meter.bytes(now.doneBytes - shown.doneBytes, 'moved');
      shown.doneBytes = now.doneBytes;
      if (clock.monotonicMs() - lastMs < PROGRESS_MS && now.doneBytes < now.totalBytes) return;
      lastMs = clock.monotonicMs();
      emit({ type: 'progress', step: now.step, ...shown.meter.look(lastMs) });
    };
    const { store, log, signal } = options;
    const restore = { store, run, folder, clock, log, signal, onProgress, leaveOthers: true };
    const request = { ...restore, ...(await chosenManifest({ store, run, signal }, options.choice)) };
    await assertFolder(folder);
    await using _ = await options.lock(folder);
    try {
      const restored = await settlePrefetched(request, await prefetchLatest(request));
      if (restored === null) throw await noCheckpoint(options);
      return { ...restored, tookMs: clock.monotonicMs() - startedMs };
    } catch (error) {
      throw fatalProblem(error, folder);
    }
  });
}

/** What a pull would bring. Errors: `checkpoint-not-found`, `newer-format`, StoreError. */
export async function lookAtCheckpoint({
  choice,
  ...access
}: Pick<PullOptions, 'store' | 'run' | 'choice' | 'signal' | 'folder'>): Promise<FirstToRestore> {
  await assertFolder(access.folder);
  const found = await firstToRestore({ ...access, ...(await chosenManifest(access, choice)) });
  if (found === null) throw await noCheckpoint(access);
  return found;
}

async function noCheckpoint(access: Pick<PullOptions, 'store' | 'run' | 'signal'>): Promise<RunctlError> {
  const { run } = access;
  return new RunctlError('checkpoint-not-found', `${run} has no checkpoint yet`, {
    hint: (await hasOutput(access))
      ? ['it has kept output: ', command('checkpoint pull', run, '--output'), ' brings that']
      : [command('status', run), ' shows what it does'],
  });
}

/** Whether a run has kept something that is no checkpoint; false where that can't be read. */
export async function hasOutput(access: Pick<PullOptions, 'store' | 'run' | 'signal'>): Promise<boolean> {
  return (await readOutput(access).catch(() => null)) !== null;
}

/** Before anything is fetched. One that is not there is made. */
export async function assertFolder(folder: string): Promise<void> {
  const found = await stat(folder).catch(() => null);
  if (found === null || found.isDirectory()) return;
  throw new RunctlError('usage', `${folder} is no folder`, { hint: 'name a folder, there or not, for the checkpoint' });
}
