import { inspectFolder, type InspectedCheckpoint, type InspectedFolder, type OpenWriters } from '@runctl/checkpoint';
import { type Clock, RunctlError } from '@runctl/core';

/** As long as the agent lets files settle. */
const SETTLE_MS = 2000;

export interface FolderInspection {
  readonly clock: Clock;
  readonly openWriters: OpenWriters;
  readonly signal: AbortSignal;
}

/** What the agent would say of a folder. Waits once where files are too young to be called still. */
export async function lookIntoFolder(folder: string, look: FolderInspection): Promise<InspectedFolder> {
  const { clock, openWriters, signal } = look;
  const inspect = () => inspectFolder(folder, { openWriters, nowMs: clock.wallMs(), settleMs: SETTLE_MS });
  const first = await inspect();
  const isYoung = (each: InspectedCheckpoint): boolean =>
    each.state === 'settling' && clock.wallMs() - each.touchedAtMs < SETTLE_MS;
  if (!first.checkpoints.some(isYoung)) return first;
  await clock.sleep(SETTLE_MS, signal);
  return inspect();
}

/** The checkpoint that `text` names by its entry or step; without it the newest complete one, else the newest. */
export function pickFromFolder(
  folder: string,
  checkpoints: readonly InspectedCheckpoint[],
  text: string | undefined,
): InspectedCheckpoint {
  const picked =
    text === undefined
      ? (checkpoints.find((each) => each.state === 'complete') ?? checkpoints[0])
      : checkpoints.find((each) => each.entry === text.replace(/\/+$/, '') || String(each.step) === text);
  if (picked !== undefined) return picked;
  const known = checkpoints.map((each) => each.entry).join(', ');
  throw new RunctlError(
    'checkpoint-not-found',
    text === undefined ? `no checkpoint in ${folder}` : `no checkpoint ${text} in ${folder}`,
    known === '' ? {} : { hint: `there are ${known}` },
  );
}
