import type { MeasuredInterruption } from '@runctl/protocol/events';
import type { DrillFacts, DrillFinding } from './drill-facts.ts';
import { endedFirst, interruptionFindings, nameOfInterruption } from './interruption-findings.ts';

export interface DrillVerdict {
  readonly verdict: 'safe' | 'unsafe' | 'inconclusive';
  /** What is wrong or was not seen, the most important first. */
  readonly reasons: readonly string[];
  /** What to change, each once. */
  readonly advice: readonly string[];
}

/**
 * Judges a rehearsal. What a real interruption would have cost makes it unsafe. Safe needs proof of every interruption that
 * was asked for; without it, and without a fault that was seen, the drill is inconclusive.
 */
export function judgeDrill(facts: DrillFacts): DrillVerdict {
  const faults = [
    ...failureAfterResume(facts),
    ...interruptionFindings(facts),
    ...nothingSaved(facts),
    ...differences(facts),
  ];
  const gaps = [...earlyFailure(facts), ...doubtfulEnd(facts), ...missingInterruptions(facts), ...unseen(facts)];
  const findings = [...faults, ...gaps];
  const kept = facts.elsewhere !== null && findings.length > 0 ? [facts.elsewhere] : [];
  const advice = [...findings.map((finding) => finding.advice ?? null).filter((text) => text !== null), ...kept];
  return {
    verdict: faults.length > 0 ? 'unsafe' : gaps.length > 0 ? 'inconclusive' : 'safe',
    reasons: findings.map(({ reason }) => reason),
    advice: [...new Set(advice)],
  };
}

function diedText({ outcome, outcomeMessage, lastWords }: DrillFacts): string {
  return `${outcome}: ${outcomeMessage}${lastWords === null ? '' : `; its last words: ${lastWords}`}`;
}

/** A script that went through an interruption and failed afterwards, for want of something or because it never came back. */
function failureAfterResume(facts: DrillFacts): readonly DrillFinding[] {
  if (facts.outcome === 'succeeded' || !facts.interruptions.some(({ recovered }) => recovered)) return [];
  return [
    {
      reason: `the script did not finish after it was interrupted (${diedText(facts)})`,
      advice:
        'what the script needs to go on from a checkpoint must lie in the checkpoint folder, and be saved with it',
    },
  ];
}

/** What a script writes elsewhere, or not at all, no interruption leaves. */
function nothingSaved({ outcome, asked, leftCheckpoint, recipe }: DrillFacts): readonly DrillFinding[] {
  if (outcome !== 'succeeded' || asked === 0 || leftCheckpoint) return [];
  return [
    {
      reason: 'the script saved nothing to the checkpoint folder, so an interruption costs all of its work',
      advice: recipe.save,
    },
  ];
}

/** A script that fails undisturbed says nothing of interruptions. */
function earlyFailure(facts: DrillFacts): readonly DrillFinding[] {
  if (facts.outcome === 'succeeded' || facts.interruptions.length > 0) return [];
  return [
    {
      reason: `the script did not finish (${diedText(facts)})`,
      advice: 'make it run to its end before rehearsing interruptions',
    },
  ];
}

/** How a script ended that did not say what its exit code says, nobody knows. */
function doubtfulEnd({ isDoubtful, outcome, outcomeMessage }: DrillFacts): readonly DrillFinding[] {
  if (outcome !== 'succeeded' || !isDoubtful) return [];
  return [
    {
      reason: `whether the script finished is doubtful (${outcomeMessage})`,
      advice:
        'let the exit code be that of the training: set -o pipefail in front of a pipe, exit with another code than 0 where it fails',
    },
  ];
}

const LONGER = 'give the script more work, and --compare, which measures its length first to spread the interruptions';

function missingInterruptions({ asked, interruptions, outcome }: DrillFacts): readonly DrillFinding[] {
  const took = interruptions.length;
  if (took >= asked) return [];
  const which = took === 0 ? `none of ${asked} interruptions` : `only ${took} of ${asked} interruptions`;
  // Where it died early the reason before says so, and more work would not help.
  if (outcome !== 'succeeded') return [{ reason: `${which} took place` }];
  return [{ reason: `${which} took place, because the script ended first`, advice: LONGER }];
}

/** Time is measured by looking, so a little less than an interval is one. */
const WHOLE_INTERVAL = 0.8;

function unseen(facts: DrillFacts): readonly DrillFinding[] {
  const { interruptions } = facts;
  // How a script failed is all that there is to see of it.
  if (facts.outcome !== 'succeeded') return [];
  const findings: DrillFinding[] = [];
  interruptions.forEach((one, index) => {
    const which = nameOfInterruption(one, index);
    if (one.wasDone)
      findings.push({ reason: `${which}: the script had ended by itself when SIGTERM came`, advice: LONGER });
    if (one.intervalsBefore !== null && one.intervalsBefore < WHOLE_INTERVAL)
      findings.push({ reason: `${which} came before the script had trained for one save interval`, advice: LONGER });
    if (one.kind === 'no-notice' && one.downtimeMs !== null && !one.hadCheckpoint)
      findings.push({
        reason: `${which}: nothing was durable yet, so whether the script resumes was not seen`,
        advice: LONGER,
      });
    if (endedFirst(one))
      findings.push({
        reason: `${which}: the script ended before another machine took over, so whether it resumes was not seen`,
        advice: LONGER,
      });
  });
  const { intervalsAfter } = facts;
  if (interruptions.length > 0 && intervalsAfter !== null && intervalsAfter < WHOLE_INTERVAL)
    findings.push({
      reason: 'the script ended less than one save interval after the last interruption',
      advice: LONGER,
    });
  const blind = interruptions.flatMap((one, index) => (isBlind(one) ? [nameOfInterruption(one, index)] : []));
  if (blind.length > 0) findings.push({ reason: `${blind.join(', ')}: ${BLIND_REASON}`, advice: BLIND_ADVICE });
  return findings;
}

/** An equal result proves nothing here: a deterministic script that began anew ends with the same bytes. */
const BLIND_REASON =
  'whether the script resumed, or how many steps were lost, is unknown, because neither its output nor its checkpoints tell enough steps';
const BLIND_ADVICE =
  'print `step N`, write {"step": N} to $RUNCTL_PROGRESS_FILE, or put the step into the name of the checkpoint';

function isBlind(one: MeasuredInterruption): boolean {
  if (one.wasDone || !one.recovered || one.downtimeMs === null || one.beganAgainAt !== null) return false;
  // Without a notice a loss is a cost that no script can avoid, so it need not be known.
  const isLossUnknown = one.kind === 'notice' && one.lostSteps === null && one.unsavedMs === null;
  return isLossUnknown || (one.hadCheckpoint && !one.resumeSeen);
}

function differences({ identical, differing }: DrillFacts): readonly DrillFinding[] {
  if (identical !== false) return [];
  return [
    {
      reason: `the result differs from the undisturbed run's (${differing.slice(0, 3).join(', ')})`,
      advice:
        'save everything that decides the next step (random states, optimiser, scheduler, place in the data), and restore all of it',
    },
  ];
}
