import type { MeasuredInterruption } from '@runctl/protocol/events';
import { formatDuration } from '@runctl/core';
import { defaultTiming } from '@runctl/protocol';

export interface DrillFacts {
  readonly outcome: string;
  readonly outcomeMessage: string;
  readonly asked: number;
  readonly interruptions: readonly MeasuredInterruption[];
  readonly identical: boolean | null;
  /** Checkpoint files that differ from the undisturbed run's. */
  readonly differing: readonly string[];
  /** How much the rehearsal shortens the real times. */
  readonly timeScale: number;
}

export interface DrillVerdict {
  readonly verdict: 'safe' | 'unsafe';
  /** What is wrong or could not be known, each with what to change. */
  readonly reasons: readonly string[];
}

/** How much of a real notice is left for the script and its upload. */
const NOTICE_MS = defaultTiming.noticeMs - defaultTiming.deadlineMarginMs;

/** Judges a rehearsal. Anything that a real interruption would have cost is unsafe; what can't be known is said. */
export function judgeDrill(facts: DrillFacts): DrillVerdict {
  const { interruptions, asked } = facts;
  const wrong: string[] = [];
  const remarks: string[] = [];
  if (facts.outcome !== 'succeeded')
    wrong.push(
      `the script did not finish (${facts.outcome}: ${facts.outcomeMessage}): make it run to its end before rehearsing interruptions`,
    );
  if (asked > 0 && interruptions.length === 0)
    wrong.push('nothing was interrupted, because the script ended first: rehearse with more steps');
  else if (interruptions.length < asked)
    remarks.push(
      `only ${interruptions.length} of ${asked} interruptions took place, because the script ended first: rehearse with more steps`,
    );
  interruptions.forEach((one, index) => wrong.push(...interruptionReasons(one, index, facts)));
  const untaken = interruptions.flatMap((one, index) => (endedFirst(one) ? [nameOf(one, index)] : []));
  const account = `${untaken.join(', ')}: the script ended before another machine took over, so whether it resumes was not seen: rehearse with more steps`;
  if (untaken.length > 0) (untaken.length === interruptions.length ? wrong : remarks).push(account);
  if (facts.identical === false)
    wrong.push(
      `the result differs from the undisturbed run's (${facts.differing.slice(0, 3).join(', ')}): save everything that decides the next step (random states, optimiser, scheduler, place in the data) and restore all of it`,
    );
  if (interruptions.some((one) => one.lostSteps === null)) wrong.push(BLIND_REASON);
  return { verdict: wrong.length > 0 ? 'unsafe' : 'safe', reasons: [...wrong, ...remarks] };
}

/** An equal result proves nothing here: a deterministic script that began anew ends with the same bytes. */
const BLIND_REASON =
  'how many steps were lost, and whether the script resumed at all, is unknown, because it reports no step: print `step N`, or write {"step": N} to $RUNCTL_PROGRESS_FILE';

/** It came to a good end without another life. That it trained on after SIGTERM is a reason of its own. */
function endedFirst({ recovered, downtimeMs, ranToItsEnd }: MeasuredInterruption): boolean {
  return recovered && downtimeMs === null && !ranToItsEnd;
}

function nameOf({ kind }: MeasuredInterruption, index: number): string {
  return `interruption ${index + 1} (${kind})`;
}

function interruptionReasons(one: MeasuredInterruption, index: number, facts: DrillFacts): string[] {
  const which = nameOf(one, index);
  const reasons: string[] = [];
  if (one.kind === 'notice') reasons.push(...noticeReasons(one, which, facts));
  if (!one.recovered) reasons.push(`${which}: the run did not come back on another machine in time`);
  else if (one.beganAgainAt !== null)
    reasons.push(
      `${which}: the script began again at step ${one.beganAgainAt} although a checkpoint of step ${one.durableStep} was there: load what $RUNCTL_RESUME_FROM names when it starts`,
    );
  return reasons;
}

function noticeReasons(one: MeasuredInterruption, which: string, facts: DrillFacts): string[] {
  const reasons: string[] = [];
  const lost = one.lostSteps ?? 1;
  if (one.killed)
    reasons.push(
      `${which}: the script did not end after SIGTERM and was killed${facts.timeScale < 1 ? ` (the rehearsal's notice lasts ${formatDuration(120_000 * facts.timeScale)}; --time-scale 1 gives it the real two minutes)` : ''}: handle SIGTERM by saving and exiting`,
    );
  if (one.newCheckpoint === false && one.notDurable.length === 0 && lost > 0)
    reasons.push(
      `${which}: no new complete checkpoint appeared after SIGTERM: save one in the SIGTERM handler, under a temporary name that is then renamed`,
    );
  if (one.lostSteps !== null && one.lostSteps > 0)
    reasons.push(
      `${which}: ${one.lostSteps} steps were lost that the notice should have saved: save after SIGTERM instead of waiting for the next regular checkpoint`,
    );
  if (one.ranToItsEnd)
    reasons.push(
      `${which}: the script trained on to its end after SIGTERM instead of stopping; a longer one would have been killed: handle SIGTERM by saving and exiting`,
    );
  for (const text of one.notDurable) reasons.push(`${which}: ${text}`);
  const neededMs = (one.noticeToSigtermMs ?? 0) + (one.sigtermToExitMs ?? 0) + (one.flushMs ?? 0);
  if (!one.killed && neededMs > NOTICE_MS)
    reasons.push(
      `${which}: saving took ${formatDuration(neededMs)}, and a notice leaves ${formatDuration(NOTICE_MS)}: make checkpoints smaller or steps shorter`,
    );
  return reasons;
}
