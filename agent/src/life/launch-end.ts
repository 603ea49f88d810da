import type { Clock, Log } from '@runctl/core';
import type { LaunchOutcome, Timing } from '@runctl/protocol';
import type { RunDocuments } from '../reporting/run-documents.ts';
import { insist } from './insist.ts';

export interface LaunchEndParts {
  readonly documents: Pick<RunDocuments, 'launchOutcome'>;
  readonly timing: Pick<Timing, 'controlPollMs'>;
  readonly clock: Clock;
  readonly log: Log;
}

type AskParts = Omit<LaunchEndParts, 'timing'>;

/** Whether the launch has an outcome. Asks until it is answered; rejects as `insist` does. */
export async function isLaunchOver(parts: AskParts, signal: AbortSignal): Promise<boolean> {
  return (await askForOutcome(parts, signal)) !== null;
}

/** Whether that outcome is a success. False where no answer comes within `withinMs`, or before the signal fires. Never rejects. */
export async function hasLaunchSucceeded(
  parts: AskParts & { readonly withinMs: number },
  signal: AbortSignal,
): Promise<boolean> {
  const { clock, withinMs } = parts;
  const late = new AbortController();
  const answered = new AbortController();
  clock.sleep(withinMs, answered.signal).then(
    () => late.abort(new Error('no answer came in time')),
    () => {},
  );
  const asking = AbortSignal.any([signal, late.signal]);
  return askForOutcome(parts, asking)
    .then((outcome) => outcome?.status === 'succeeded')
    .catch(() => false)
    .finally(() => answered.abort());
}

function askForOutcome({ documents, clock, log }: AskParts, signal: AbortSignal): Promise<LaunchOutcome | null> {
  const ask = () => documents.launchOutcome(signal);
  return insist('the launch could not be looked at', ask, { clock, log, signal });
}

/** Resolves once the launch has an outcome, or when the signal fires. Never rejects. */
export async function endOfLaunch(
  { documents, timing, clock }: Omit<LaunchEndParts, 'log'>,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await clock.sleep(timing.controlPollMs, signal).catch(() => {});
    const outcome = signal.aborted ? null : await documents.launchOutcome(signal).catch(() => null);
    if (outcome !== null) return;
  }
}
