import { listCheckpoints, type ListedCheckpoint, verifyCheckpoint, type VerifyReport } from '@runctl/checkpoint';
import { RunctlError } from '@runctl/core';
import type { ObjectStore } from '@runctl/store';

export interface RunCheckpoint {
  /** `<generation>-<seq>`, which names it in commands. */
  readonly checkpoint: string;
  readonly state: 'latest' | 'committed' | 'never committed' | 'unreadable';
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

/** Every checkpoint of a run that the bucket has, newest first. Also those that no pointer ever named, and damaged manifests. */
export async function checkpointsOfRun(access: RunCheckpointsAccess): Promise<readonly RunCheckpoint[]> {
  const { checkpoints, unreadable } = await listCheckpoints(access);
  const listed = checkpoints.map(({ manifest, manifestKey, latest, committed }): RunCheckpoint => {
    const state = latest ? 'latest' : committed ? 'committed' : 'never committed';
    return { checkpoint: nameOf(manifestKey), state, manifestKey, manifest, problem: null };
  });
  const damaged = unreadable.map(({ manifestKey, problem }): RunCheckpoint => {
    return { checkpoint: nameOf(manifestKey), state: 'unreadable', manifestKey, manifest: null, problem };
  });
  return [...listed, ...damaged].toSorted((a, b) => (a.manifestKey < b.manifestKey ? 1 : -1));
}

/** `000002-000007.json` names checkpoint 2-7. */
function nameOf(manifestKey: string): string {
  const numbers = /(\d+)-(\d+)\.json$/.exec(manifestKey);
  return numbers === null ? manifestKey : `${Number(numbers[1])}-${Number(numbers[2])}`;
}

/** The checkpoint that `text` names as `<generation>-<seq>`, `latest`, or by its step (the newest of it); without it the latest. */
export function pickFromRun(
  run: string,
  checkpoints: readonly RunCheckpoint[],
  text: string | undefined,
): RunCheckpoint {
  const latest = checkpoints.find((each) => each.state === 'latest');
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

/** Reads and hashes every byte of one checkpoint. An unreadable manifest is a problem like any other. */
export async function verifyOfRun(
  access: RunCheckpointsAccess,
  { manifestKey, problem }: RunCheckpoint,
): Promise<Pick<VerifyReport, 'verifiedBytes' | 'problems'>> {
  return problem === null ? verifyCheckpoint({ ...access, manifestKey }) : { verifiedBytes: 0, problems: [problem] };
}
