import { formatDuration } from '@runctl/core';
import { defaultTiming } from '@runctl/protocol';
import type { MeasuredInterruption } from '@runctl/protocol/events';
import type { DrillFacts, DrillFinding } from './drill-facts.ts';

/** As EC2 gives it. */
const REAL_NOTICE_MS = 120_000;
/** How much of a real notice is left for the script and its upload. */
const NOTICE_MS = defaultTiming.noticeMs - defaultTiming.deadlineMarginMs;

/** What each interruption of a rehearsal showed to be wrong. */
export function interruptionFindings(facts: DrillFacts): readonly DrillFinding[] {
  return facts.interruptions.flatMap((one, index) => {
    if (one.wasDone) return [];
    const which = nameOfInterruption(one, index);
    const ofSaves = endedFirst(one) ? [] : saveFindings(one, facts);
    const ofNotice = one.kind === 'notice' ? [...reactionFindings(one, facts), ...ofSaves] : [];
    return [...ofNotice, ...returnFindings(one, facts)].map(({ reason, advice }) => ({
      reason: `${which}: ${reason}`,
      advice: advice ?? null,
    }));
  });
}

/** `interruption 2 (notice)`; `index` counts from 0. */
export function nameOfInterruption({ kind }: MeasuredInterruption, index: number): string {
  return `interruption ${index + 1} (${kind})`;
}

/** The run came to a good end without another life. That the script trained on after SIGTERM is a finding of its own. */
export function endedFirst({ recovered, downtimeMs, ranToItsEnd }: MeasuredInterruption): boolean {
  return recovered && downtimeMs === null && !ranToItsEnd;
}

function reactionFindings(one: MeasuredInterruption, { timeScale, recipe }: DrillFacts): readonly DrillFinding[] {
  const findings: DrillFinding[] = [];
  const short =
    timeScale < 1
      ? ` (the rehearsal's notice lasts ${formatDuration(REAL_NOTICE_MS * timeScale)}; --time-scale 1 gives it the real two minutes)`
      : '';
  if (one.killed)
    findings.push({ reason: `the script did not end after SIGTERM and was killed${short}`, advice: recipe.react });
  if (one.ranToItsEnd)
    findings.push({
      reason: 'the script trained on to its end after SIGTERM instead of stopping; a longer one would have been killed',
      advice: recipe.react,
    });
  return findings;
}

function saveFindings(one: MeasuredInterruption, { recipe }: DrillFacts): readonly DrillFinding[] {
  const findings: DrillFinding[] = [];
  const { lostSteps, newCheckpoint, unsavedMs } = one;
  const nothingNew = newCheckpoint === false && one.notDurable.length === 0 && !lostNothing(one);
  const since = unsavedMs === null ? '' : `, ${formatDuration(unsavedMs)} after the last save`;
  const lost = lostSteps === null || lostSteps === 0 ? '' : `${stepsLost(lostSteps)} that the notice should have saved`;
  if (nothingNew)
    findings.push({
      reason: `${one.caughtTerm === false ? 'nothing caught SIGTERM, and ' : ''}no new complete checkpoint appeared after SIGTERM${since}${lost === '' ? '' : `: ${lost}`}`,
      advice: recipe.react,
    });
  else if (lost !== '') findings.push({ reason: lost, advice: recipe.react });
  findings.push(...one.notDurable.map((reason) => ({ reason })));
  const neededMs = (one.noticeToSigtermMs ?? 0) + (one.savesLastedMs ?? 0) + (one.flushMs ?? 0);
  if (!one.killed && neededMs > NOTICE_MS)
    findings.push({
      reason: `saving took ${formatDuration(neededMs)}, and a notice leaves ${formatDuration(NOTICE_MS)}`,
      advice: 'make checkpoints smaller or steps shorter',
    });
  return findings;
}

const stepsLost = (count: number): string => (count === 1 ? '1 step was lost' : `${count} steps were lost`);

/**
 * Whether no step was lost, as far as steps tell. Where the script reports none, those of its saves say nothing of what came
 * after the last one, and only a script that heard SIGTERM may have had nothing to save.
 */
function lostNothing({ lostSteps, stepAtInterruption, caughtTerm }: MeasuredInterruption): boolean {
  return lostSteps === 0 && (stepAtInterruption !== null || caughtTerm !== false);
}

function returnFindings(one: MeasuredInterruption, { recipe }: DrillFacts): readonly DrillFinding[] {
  if (!one.recovered) return [{ reason: 'the run did not come back on another machine in time' }];
  if (one.beganAgainAt === null) return [];
  return [
    {
      reason: `the script began again, first seen at step ${one.beganAgainAt}, although a checkpoint of step ${one.durableStep} was there`,
      advice: recipe.resume,
    },
  ];
}
