import { command, type CommandMention, formatBytes, formatDuration, formatUsd, hintText } from '@runctl/core';
import type { AttemptStatus } from '@runctl/protocol';
import type { RunDetail } from '@runctl/operations/status';
import { attemptsOf, isLiving, lastLaunch, type RunRecord, hasEnded, stopHabitOf } from '@runctl/operations/run';
import type { CommandWriter } from './command-writer.ts';
import { attemptTable, lifeLines } from './attempts.ts';
import { fitText, intervalText } from './follow-text.ts';
import { priceText } from './plan.ts';
import { stateText } from './status.ts';
import { counted } from './transfer.ts';
import { shownRow, styles, type Styles } from './style.ts';
import { unheardRows } from './unheard-run.ts';
import { workloadRows, workloadText } from './workload-text.ts';

interface RunDetailStyle {
  readonly colour: boolean;
  /** Shows why what is guessed is believed. */
  readonly verbose: boolean;
  /** SHA-256 of the spec that this computer launched or resumed last; null where it knows none. */
  readonly launchedSpec: string | null;
  readonly write: CommandWriter;
}

/** `runctl status RUN`. */
export function renderRunDetail(detail: RunDetail, options: RunDetailStyle): string {
  const style = styles(options.colour);
  const { record } = detail;
  const { spec } = record;
  const rows: [string, string][] = [
    // Before all that the bucket says, which could pretend to be this row.
    ...(options.launchedSpec === null ? [] : [specRow(options.launchedSpec)]),
    ...unheardRows(detail, style, options.write),
    ['state', `${stateText(detail.state, style)}${stateReason(detail)}${goneText(detail, style)}`],
    [spec.workload.kind, workloadText(spec.workload)],
    ...interpreterRow(record),
    ...(options.verbose ? (spec.reasons ?? []) : []).map((reason): [string, string] => ['because', reason]),
    ['step', `${stepText(detail)}${options.verbose ? stepReason(record) : ''}`],
    ['durable', durableText(detail, style)],
    ...outputRows(record),
    ['at risk', riskText(detail, style)],
    ...(hasEnded(detail.state) ? [] : fitRows(record, style)),
    ...(hasEnded(detail.state)
      ? []
      : workloadRows(record.attempts.at(-1)?.status?.document, {
          style,
          verbose: options.verbose,
          habit: stopHabitOf(record.attempts),
        })),
    ['heartbeat', heartbeatText(record)],
    ['cost', costText(detail)],
    ['machines', capacityText(detail)],
  ];
  const lines = rows.map(([name, text]) => `  ${style.dim(name.padEnd(10))} ${text}`);
  const { write } = options;
  const above = [
    style.bold(spec.name === null ? spec.run : `${spec.run} (${spec.name})`),
    ...lines,
    ...(detail.stranded
      ? [
          `  ${style.red('stranded')}   no machine of it is left and none will come, and nobody wrote how it ended: ${write(command('resume', spec.run))}`,
        ]
      : []),
    ...(detail.leftover
      ? [
          `  ${style.red('left over')}  the run has ended, but what ${detail.provider.name} has of it still costs money: ${write(command('stop', spec.run))} ends it`,
        ]
      : []),
    ...detail.damaged.map((text) => `  ${style.red('damaged')}    ${text}`),
    ...warnings(record).map((text) => `  ${style.yellow('warning')}    ${text}`),
    ...detail.provider.errors.map((text) => `  ${style.red('no machine')} ${text}`),
    ...(hasEnded(detail.state) ? [] : detail.provider.missing).map(
      (note) => `  ${style.yellow('note')}       ${hintText(note, write)}`,
    ),
    ...record.boots.map(
      (boot) => `  ${style.red('boot')}       ${boot.machineId} failed at "${boot.stage}": ${boot.message}`,
    ),
  ];
  const below = [...lifeLines(record, style), style.dim(furtherCommands(detail).map(write).join(' · '))];
  return [...above.map(shownRow), '', attemptTable(record), ...below.map(shownRow), ''].join('\n');
}

/** What else can be done with the run. */
function furtherCommands({ record, state }: RunDetail): readonly CommandMention[] {
  const { run } = record.spec;
  const paths = ['logs', ...(hasEnded(state) ? [] : ['attach']), 'events'];
  const output = keptOutputIn(record) === null ? [] : [command('checkpoint pull', run, '--output')];
  return [...paths.map((path) => command(path, run)), ...output];
}

/** What ran the code of the newest life. */
function interpreterRow(record: RunRecord): [string, string][] {
  const attempt = record.attempts.at(-1);
  const found = attempt?.status?.document.interpreter ?? attempt?.started?.interpreter ?? null;
  return found === null ? [] : [['run by', `${found.path}${found.version === null ? '' : ` (${found.version})`}`]];
}

/** For another computer, which can't know it: `resume --expect-spec`. */
function specRow(sha256: string): [string, string] {
  return ['spec', `SHA-256 ${sha256}, as this computer launched or resumed it`];
}

/** Whether a last save would fit into a notice, as the agent measured it. Where nothing catches SIGTERM there is none. */
function fitRows(record: RunRecord, style: Styles): [string, string][] {
  const { fit = null, workload = null } = record.attempts.at(-1)?.status?.document ?? {};
  if (fit === null) return [];
  const rows = [['a notice', fitText(fit, style)], ...fit.advice.map((text) => ['advice', text])] as [string, string][];
  return [
    ...(workload?.catchesTerm === false ? [] : rows),
    ...(fit.interval === null ? [] : [['interval', intervalText(fit.interval)] as [string, string]]),
  ];
}

function stateReason(detail: RunDetail): string {
  const { state } = detail;
  if (state.kind === 'active') return state.doing === '' ? '' : `: ${state.doing}`;
  if (state.kind === 'silent')
    return ` (was ${state.phase}); the machine may be gone${isReplaced(detail) ? ', and is then replaced' : ''}`;
  if (state.kind === 'boot-failing') return `: ${state.reason}`;
  if ('message' in state) return `: ${state.message}`;
  return '';
}

/** Whether the provider makes another machine, as far as it could be asked. */
function isReplaced({ provider, stranded }: RunDetail): boolean {
  const { recovers, capacity, problem } = provider;
  return recovers === 'by-itself' && !stranded && (problem !== null || capacity?.status === 'active');
}

/** A heartbeat can be younger than its machine's end: the provider then knows better. */
function goneText(detail: RunDetail, style: Styles): string {
  if (detail.state.kind !== 'active' && detail.state.kind !== 'silent') return '';
  const holder = detail.record.attempts.at(-1)?.status?.document.machineId;
  const { name, machines } = detail.provider;
  const machine = machines.find((other) => other.machineId === holder);
  if (machine === undefined || isLiving(machine)) return '';
  return style.yellow(
    `; but ${name} says that ${machine.machineId} is ${machine.state}, ${isReplaced(detail) ? 'so another machine takes over' : 'and none takes over'}`,
  );
}

/** The step in a checkpoint's own name or content is a witness too, where the script reports none. */
function stepText({ record, durable }: RunDetail): string {
  const outcome = lastLaunch(record)?.outcome;
  const status = record.attempts.at(-1)?.status?.document;
  const step = outcome?.step ?? status?.step ?? null;
  if (step !== null) return String(step);
  if (status?.stepSource !== 'unknown') return 'none yet';
  const saved = durable?.step ?? null;
  return saved === null
    ? 'unknown: the script reports none'
    : `${saved} or later, by its last checkpoint; the script reports none`;
}

/** What the step was read in. */
function stepReason(record: RunRecord): string {
  const status = record.attempts.at(-1)?.status?.document;
  if (status === undefined || status.step === null) return '';
  if (status.stepSource === 'file') return ', from $RUNCTL_PROGRESS_FILE';
  return status.stepEvidence === null ? '' : `, read in the log: ${status.stepEvidence}`;
}

function durableText(detail: RunDetail, style: Styles): string {
  if (detail.durable === null) return style.yellow(detail.damaged.length > 0 ? 'unknown' : 'nothing yet');
  const { step, ageMs } = detail.durable;
  return `${step === null ? 'a checkpoint without a step' : `step ${step}`}, saved ${formatDuration(ageMs)} ago`;
}

/** What the newest life that kept any output has kept. */
function keptOutputIn({ attempts }: RunRecord): AttemptStatus['output'] {
  return attempts.map(({ status }) => status?.document.output ?? null).findLast((output) => output !== null) ?? null;
}

/** What is kept besides checkpoints; none where the run keeps nothing. */
function outputRows(record: RunRecord): [string, string][] {
  const { readAtMs, spec } = record;
  const { outputDir } = spec.checkpoint;
  const kept = keptOutputIn(record);
  if (kept === null) return outputDir === undefined ? [] : [['output', `nothing yet of ${outputDir}`]];
  const agoMs = Math.max(0, readAtMs - Date.parse(kept.at));
  return [
    [
      'output',
      `${counted(kept.files, 'file')}, ${formatBytes(kept.sizeBytes)}, looked at ${formatDuration(agoMs)} ago`,
    ],
  ];
}

function riskText(detail: RunDetail, style: Styles): string {
  if (detail.atRiskMs === null) return '-';
  const money = detail.atRiskUsd === null ? '' : ` (${formatUsd(detail.atRiskUsd)})`;
  return style.yellow(`${formatDuration(detail.atRiskMs)} of work${money} if the machine died now without a word`);
}

function heartbeatText(record: RunRecord): string {
  const status = record.attempts.at(-1)?.status;
  if (status === null || status === undefined) return 'none yet';
  return `${formatDuration(status.ageMs)} ago, from ${status.document.machineId}`;
}

function costText(detail: RunDetail): string {
  const { budgetUsd } = detail.record.spec.policy;
  const limit = budgetUsd === null ? '' : ` of ${formatUsd(budgetUsd)}`;
  const spent = detail.spentUsd === null ? 'unknown' : `about ${formatUsd(detail.spentUsd)}${limit}`;
  return `${spent}, ${priceText(detail)}/h`;
}

function capacityText(detail: RunDetail): string {
  const { capacity, machines, problem } = detail.provider;
  if (problem !== null) return `not asked: ${problem}`;
  if (capacity === null) return 'none was made';
  const shown = machines
    .filter(isLiving)
    .map((machine) => `${machine.machineId} ${machine.machineType} ${machine.location} ${machine.state}`);
  return `${capacity.id} ${capacity.providerWord ?? 'unknown to the provider'}; ${shown.length === 0 ? emptyText(detail) : shown.join(', ')}`;
}

/** How long a launch waits whose machines nobody has seen yet: a provider may say nothing of it. */
function emptyText({ record, state }: RunDetail): string {
  const launch = lastLaunch(record);
  const asked = launch?.machines ?? null;
  if (launch === null || asked === null || hasEnded(state) || attemptsOf(record, launch.launch).length > 0)
    return 'no machine';
  return `no machine yet, asked for ${formatDuration(Math.max(0, record.readAtMs - Date.parse(asked.at)))} ago`;
}

function warnings(record: RunRecord): readonly string[] {
  return record.attempts.at(-1)?.status?.document.warnings ?? [];
}

/** The same as one object. */
export function runDetailJson(detail: RunDetail) {
  const { record, provider, ...rest } = detail;
  const { spec } = record;
  return {
    type: 'run-detail' as const,
    run: spec.run,
    name: spec.name,
    createdAt: spec.createdAt,
    readAt: new Date(record.readAtMs).toISOString(),
    ...rest,
    provider: { ...provider, missing: provider.missing.map((note) => hintText(note)) },
    heartbeatAgeMs: record.attempts.at(-1)?.status?.ageMs ?? null,
    spec,
    launches: record.launches.map((launch) => ({ ...launch })),
    attempts: record.attempts,
    boots: record.boots,
    latest: record.latest,
    lease: record.lease,
  };
}
