import type { ProgressEvent } from '@runctl/protocol/events';
import { fetchOutput, readOutput } from '@runctl/checkpoint';
import { command, RunctlError } from '@runctl/core';
import type { KeptOutput } from '@runctl/protocol';
import { emitting } from '../transfer/emitting.ts';
import { fatalProblem } from '../transfer/problems.ts';
import { ProgressMeter } from '../transfer/progress-meter.ts';
import { assertFolder, type PullOptions } from './pull.ts';

export type OutputPullOptions = Omit<PullOptions, 'choice'>;

export interface PulledOutput {
  readonly output: KeptOutput;
  readonly folder: string;
  /** What was moved aside; for people. */
  readonly warnings: readonly string[];
  readonly tookMs: number;
}

const PROGRESS_MS = 500;
/** A run that goes on replaces files, and deletes the old ones an hour later. */
const TRIES = 3;

/**
 * Brings what a run has kept of its output folder into a folder, verified; what else is there stays. Run again after an
 * interruption it goes on with the parts that are missing. Errors: `checkpoint-not-found` where nothing is kept,
 * `transfer-incomplete` where something of it can't be had or put in place, or another pull is under way, `disk-full`, `usage`,
 * StoreError.
 */
export function pullOutput(options: OutputPullOptions): AsyncGenerator<ProgressEvent, PulledOutput> {
  return emitting(async (emit) => {
    const { clock, folder } = options;
    const startedMs = clock.monotonicMs();
    await assertFolder(folder);
    await using _ = await options.lock(folder);
    try {
      for (let tries = 1; ; tries++) {
        const output = await keptOutputOf(options);
        const { isOutdated, missing, warnings } = await fetchOutput(output, {
          ...options,
          keepNewer: false,
          setAside: 'in-the-way',
          onProgress: progressOf(options, emit),
        });
        if (missing.length === 0) return { output, folder, warnings, tookMs: clock.monotonicMs() - startedMs };
        if (!isOutdated || tries >= TRIES) throw incomplete(missing);
      }
    } catch (error) {
      throw fatalProblem(error, folder);
    }
  });
}

/** What the bucket has of a run's output folder. Errors: `checkpoint-not-found`, `newer-format`, StoreError. */
export async function keptOutputOf(access: Pick<PullOptions, 'store' | 'run' | 'signal'>): Promise<KeptOutput> {
  const stored = await readOutput(access);
  if (stored !== null) return stored.output;
  throw new RunctlError('checkpoint-not-found', `${access.run} has kept no output`, {
    hint: [
      'a launch with --output-dir keeps a folder besides the checkpoints; ',
      command('status', access.run),
      ' shows what the run does',
    ],
  });
}

function progressOf({ clock }: OutputPullOptions, emit: (event: ProgressEvent) => void) {
  let meter: ProgressMeter | null = null;
  let shownBytes = 0;
  let lastMs = Number.NEGATIVE_INFINITY;
  return ({ doneBytes, totalBytes }: { readonly doneBytes: number; readonly totalBytes: number }): void => {
    meter ??= new ProgressMeter({ bytes: totalBytes, files: 0 });
    meter.bytes(doneBytes - shownBytes, 'moved');
    shownBytes = doneBytes;
    if (clock.monotonicMs() - lastMs < PROGRESS_MS && doneBytes < totalBytes) return;
    lastMs = clock.monotonicMs();
    emit({ type: 'progress', step: null, ...meter.look(lastMs) });
  };
}

function incomplete(missing: readonly string[]): RunctlError {
  return new RunctlError('transfer-incomplete', `${missing.length} of its files could not be brought`, {
    hint: missing.join('\n'),
  });
}
