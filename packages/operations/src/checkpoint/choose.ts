import { listCheckpoints } from '@runctl/checkpoint';
import { command, RunctlError } from '@runctl/core';
import { runKeys } from '@runctl/protocol';
import type { ObjectStore } from '@runctl/store';

export interface Choice {
  readonly step?: number | undefined;
  /** `<generation>-<seq>`, as `checkpoint list` shows it. */
  readonly manifest?: string | undefined;
}

/** The key of the manifest that was asked for, if one was. Errors: `usage`, `checkpoint-not-found` with what there is. */
export async function chosenManifest(
  access: { readonly store: ObjectStore; readonly run: string; readonly signal: AbortSignal },
  choice: Choice,
): Promise<{ readonly manifestKey?: string }> {
  const { run } = access;
  if (choice.manifest !== undefined) {
    const match = /^(\d+)-(\d+)$/.exec(choice.manifest);
    if (match === null)
      throw new RunctlError('usage', `--manifest takes GENERATION-SEQUENCE, not ${choice.manifest}`, {
        hint: ['such as 1-12; ', command('checkpoint list', run), ' shows them'],
      });
    return { manifestKey: runKeys(run).manifest({ generation: Number(match[1]), seq: Number(match[2]) }) };
  }
  if (choice.step === undefined) return {};
  const { checkpoints } = await listCheckpoints(access);
  const committed = checkpoints.filter((checkpoint) => checkpoint.committed !== false);
  const found = committed.findLast(({ manifest }) => manifest.step === choice.step);
  if (found !== undefined) return { manifestKey: found.manifestKey };
  const steps = committed.flatMap(({ manifest }) => manifest.step ?? []);
  throw new RunctlError('checkpoint-not-found', `${run} has no checkpoint of step ${choice.step}`, {
    hint: steps.length === 0 ? 'it has none that tells its step' : `it has those of step ${steps.slice(-8).join(', ')}`,
  });
}
