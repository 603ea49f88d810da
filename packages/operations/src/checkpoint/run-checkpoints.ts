import type { VerifyEvent } from '@runctl/protocol/events';
import { listCheckpoints, type ListedCheckpoint, verifyCheckpoint } from '@runctl/checkpoint';
import { type Clock, RunctlError } from '@runctl/core';
import type { ObjectStore } from '@runctl/store';
import { emitting } from '../transfer/emitting.ts';
import { ProgressMeter } from '../transfer/progress-meter.ts';

export interface RunCheckpoint {
  /** `<generation>-<seq>`, which names it in commands. */
  readonly checkpoint: string;
  /** `unknown` = what would tell whether it was committed is damaged or lost. */
  readonly state: 'latest' | 'committed' | 'never committed' | 'unknown' | 'unreadable';
  /** Whether `latest.json` names it, readable or not. */
  readonly latest: boolean;
  readonly manifestKey: string;
  /** Null when unreadable; `problem` says why. */
  readonly manifest: ListedCheckpoint['manifest'] | null;
  readonly problem: string | null;
}

export interface RunCheckpointsAccess {
  readonly store: ObjectStore;
  readonly run: string;
  readonly signal: AbortSignal;
}

export interface FoundInRun {
  /** Newest first. */
  readonly checkpoints: readonly RunCheckpoint[];
  /** For people: what is damaged or lost besides the checkpoints themselves. */
  readonly warnings: readonly string[];
}

/** Every checkpoint of a run that the bucket has. Also those that no pointer ever named, and damaged manifests. */
export async function checkpointsOfRun(access: RunCheckpointsAccess): Promise<FoundInRun> {
  const { latestKey, checkpoints, unreadable, warnings } = await listCheckpoints(access);
  const found = (manifestKey: string): Pick<RunCheckpoint, 'checkpoint' | 'manifestKey' | 'latest'> => ({
    checkpoint: nameOf(manifestKey),
    manifestKey,
    latest: manifestKey === latestKey,
  });
  const listed = checkpoints.map(({ manifest, manifestKey, committed }): RunCheckpoint => {
    const state = committed === null ? 'unknown' : committed ? 'committed' : 'never committed';
    return { ...found(manifestKey), state: manifestKey === latestKey ? 'latest' : state, manifest, problem: null };
  });
  const damaged = unreadable.map(({ manifestKey, problem }): RunCheckpoint => ({
    ...found(manifestKey),
    state: 'unreadable',
    manifest: null,
    problem,
  }));
  return {
    checkpoints: [...listed, ...damaged].toSorted((a, b) => (a.manifestKey < b.manifestKey ? 1 : -1)),
    warnings,
  };
}

/** `000002-000007.json` names checkpoint 2-7. */
function nameOf(manifestKey: string): string {
  const numbers = /(\d+)-(\d+)\.json$/.exec(manifestKey);
  return numbers === null ? manifestKey : `${Number(numbers[1])}-${Number(numbers[2])}`;
}

/**
 * The checkpoint that `text` names as `<generation>-<seq>`, `latest`, or by its step (the newest of it); without it the
 * latest. Where nothing tells which that is, it is the newest, as for a resume.
 */
export function pickFromRun(
  run: string,
  checkpoints: readonly RunCheckpoint[],
  text: string | undefined,
): RunCheckpoint {
  const unsure = checkpoints.every(({ state }) => state === 'unknown' || state === 'unreadable');
  const latest = checkpoints.find((each) => each.latest) ?? (unsure ? checkpoints[0] : undefined);
  const picked =
    text === undefined || text === 'latest'
      ? latest
      : (checkpoints.find((each) => each.checkpoint === text) ??
        checkpoints.find((each) => String(each.manifest?.step) === text));
  if (picked !== undefined) return picked;
  const known = checkpoints.slice(0, 5).map((each) => each.checkpoint);
  throw new RunctlError('checkpoint-not-found', `run ${run} has no checkpoint ${text ?? 'that latest.json names'}`, {
    hint: known.length === 0 ? 'nothing was ever saved' : `the newest are ${known.join(', ')}`,
  });
}

const PROGRESS_MS = 500;

/** Reads and hashes every byte of these checkpoints, one after the other. An unreadable manifest is a problem like any other. */
export function verifyOfRun(
  access: RunCheckpointsAccess & { readonly clock: Clock },
  chosen: readonly RunCheckpoint[],
): AsyncGenerator<VerifyEvent, void> {
  const { clock } = access;
  const files = chosen.flatMap((each) => each.manifest?.files ?? []);
  const meter = new ProgressMeter({ bytes: files.reduce((sum, file) => sum + file.sizeBytes, 0), files: 0 });
  return emitting(async (emit) => {
    let lastMs = clock.monotonicMs();
    emit({ type: 'progress', ...meter.look(lastMs) });
    const onRead = (bytes: number): void => {
      meter.bytes(bytes, 'moved');
      if (clock.monotonicMs() - lastMs < PROGRESS_MS) return;
      lastMs = clock.monotonicMs();
      emit({ type: 'progress', ...meter.look(lastMs) });
    };
    for (const { checkpoint, manifest, manifestKey, problem } of chosen) {
      const { verifiedBytes, problems } =
        problem === null
          ? await verifyCheckpoint({ ...access, manifestKey, onRead })
          : { verifiedBytes: 0, problems: [problem] };
      const step = manifest?.step ?? null;
      const fileCount = manifest?.files.length ?? 0;
      emit({ type: 'verified', run: access.run, checkpoint, step, fileCount, verifiedBytes, problems: [...problems] });
    }
  });
}
