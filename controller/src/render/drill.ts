import type { DrillEvent, DrillReportEvent, MeasuredInterruption } from '@runctl/protocol/events';
import { formatDuration, type Clock } from '@runctl/core';
import { LOST_WITHOUT_HANDLER } from '@runctl/protocol';
import type { SandboxRegion } from '@runctl/operations/sandbox';
import { styles, type Styles } from './style.ts';

/** Tells a rehearsal from its beginning, each line with the time since then. */
export function drillTeller(options: {
  readonly note: (text: string) => void;
  readonly clock: Clock;
  readonly colour: boolean;
  readonly region: SandboxRegion;
}): (event: DrillEvent) => void {
  const { note, clock, colour, region } = options;
  const style = styles(colour);
  const startedMs = clock.monotonicMs();
  const say = (text: string): void =>
    note(`${style.dim(`[${formatDuration(clock.monotonicMs() - startedMs).padStart(6)}]`)} ${text}`);
  const noticeLasts = formatDuration(120_000 * region.timeScale);
  say(`local cloud at level ${region.level}; a notice lasts ${noticeLasts} here, two minutes on EC2`);
  return (event) => {
    const line = drillLine(event, style);
    if (line !== null) say(line);
  };
}

/** One line of the story; null for what needs no words. */
function drillLine(event: DrillEvent, style: Styles): string | null {
  switch (event.type) {
    case 'rehearsal-begun':
      return style.bold(
        event.which === 'undisturbed' ? `undisturbed run ${event.run}` : `run ${event.run}, to be interrupted`,
      );
    case 'rehearsal-attempt':
      return `${event.machineId}: the script runs, ${event.resumed ? `with ${checkpointText(event.fromStep)}` : 'from nothing'}`;
    case 'interrupting':
      return style.yellow(
        `interruption ${event.number}: ${event.kind === 'notice' ? 'notice' : 'the machine dies without notice'} at step ${event.step ?? 'unknown'} (durable so far: ${durableText(event)})`,
      );
    case 'recovered':
      return recoveredText(event.report, style);
    case 'not-recovered':
      return style.red(`the run did not come back in ${formatDuration(event.waitedMs)}`);
    case 'rehearsal-ended': {
      const step = event.finalStep === null ? '' : ` at step ${event.finalStep}`;
      const text = `${event.which === 'undisturbed' ? 'undisturbed' : 'interrupted'} run ${event.outcome}${step} after ${formatDuration(event.tookMs)}`;
      if (event.outcome === 'succeeded') return style.green(text);
      return [style.red(`${text}: ${event.message}`), ...event.tail.map((line) => `    | ${line}`)].join('\n');
    }
    case 'compared':
      if (event.identical === null) return 'neither run left a checkpoint to compare';
      return event.identical
        ? style.green(
            `the final checkpoint (${event.files} ${event.files === 1 ? 'file' : 'files'}) is byte for byte that of the undisturbed run`,
          )
        : style.red('the final checkpoint differs from that of the undisturbed run');
    default:
      return null;
  }
}

function durableText({ durableStep, hasDurable }: { durableStep: number | null; hasDurable: boolean }): string {
  return hasDurable ? checkpointText(durableStep) : 'nothing';
}

function checkpointText(step: number | null): string {
  return step === null ? 'a checkpoint without a step' : `the checkpoint of step ${step}`;
}

function recoveredText(report: MeasuredInterruption, style: Styles): string {
  const time = (ms: number | null): string => (ms === null ? '?' : formatDuration(ms));
  const parts: string[] = [];
  if (report.kind === 'notice') {
    const caught = report.caughtTerm === false ? style.yellow(', which nothing caught') : '';
    parts.push(`SIGTERM after ${time(report.noticeToSigtermMs)}${caught}`);
    parts.push(
      report.killed ? style.red('killed: it did not end by itself') : `ended ${time(report.sigtermToExitMs)} later`,
    );
    if (report.newCheckpoint === true) parts.push(`what it saved was durable ${time(report.flushMs)} after that`);
  }
  if (report.downtimeMs === null) return '  the run ended before another machine took over';
  parts.push(`away for ${time(report.downtimeMs)}`);
  parts.push(resumedText(report));
  parts.push(lostText(report, style));
  return `  back: ${parts.join(', ')}`;
}

function resumedText({ resumedStep, hadCheckpoint, beganAgainAt, resumeSeen }: MeasuredInterruption): string {
  if (!hadCheckpoint) return 'began from nothing';
  if (beganAgainAt !== null) return `began again, first seen at step ${beganAgainAt}`;
  return resumeSeen ? `resumed at step ${resumedStep}` : `began with ${checkpointText(resumedStep)}`;
}

function lostText(report: MeasuredInterruption, style: Styles): string {
  if (report.beganAgainAt !== null) return style.yellow('its checkpoint was not used');
  if (report.lostSteps === null) return 'steps lost: unknown';
  return report.lostSteps === 0 ? style.green('no step lost') : style.yellow(`${report.lostSteps} steps lost`);
}

/** The last words of a rehearsal. */
export function drillVerdict(report: DrillReportEvent, colour: boolean): string {
  const style = styles(colour);
  const [heading, summary] = verdictWords(report, style);
  const fit = report.interruptions.some((one) => one.kind === 'notice') ? `  ${report.noticeFit.summary}\n` : '';
  const handler = handlerLine(report, style);
  const { reasons, advice } = report;
  // The first line of an inconclusive drill has its first reason.
  const rest = report.verdict === 'inconclusive' ? reasons.slice(1) : reasons;
  const change = advice.length === 0 ? '' : `  what to change:\n${advice.map((text) => `  - ${text}\n`).join('')}`;
  return `${style.bold(heading)}: ${summary}\n${fit}${handler}${rest.map((reason) => `  - ${reason}\n`).join('')}${change}`;
}

/**
 * Also where nothing was lost: that a save came right before the notice was luck, or the script saves very often. A script
 * that saved at the notice all the same watches the preempt file.
 */
function handlerLine({ interruptions }: DrillReportEvent, style: Styles): string {
  const uncaught = interruptions.flatMap(({ caughtTerm, newCheckpoint }, index) =>
    caughtTerm === false && newCheckpoint !== true ? [index + 1] : [],
  );
  if (uncaught.length === 0) return '';
  const which = `interruption${uncaught.length === 1 ? '' : 's'} ${uncaught.join(', ')}`;
  return `  ${style.yellow(`nothing caught SIGTERM at ${which}: ${LOST_WITHOUT_HANDLER}`)}\n`;
}

function verdictWords(report: DrillReportEvent, style: Styles): readonly [string, string] {
  if (report.verdict === 'unsafe') return [style.red('UNSAFE'), 'a real interruption would have cost work'];
  if (report.verdict === 'inconclusive') return [style.yellow('INCONCLUSIVE'), report.reasons[0] ?? ''];
  if (report.interruptions.length === 0)
    return ['FINISHED', 'nothing was to be interrupted, so this says nothing of interruptions'];
  return [style.green('SAFE'), 'a real interruption would have cost nothing but time'];
}
