import { assertNever, command, formatDuration, formatUsd } from '@runctl/core';
import type { RunRow } from '@runctl/operations/status';
import type { RunState } from '@runctl/operations/run';
import type { CommandWriter } from './command-writer.ts';
import { styles, type Styles } from './style.ts';
import { table } from './table.ts';
import { unheardText } from './unheard.ts';

/** `running`, `silent for 2m`, … in a word or two. */
export function stateText(state: RunState, style: Styles): string {
  switch (state.kind) {
    case 'active':
      return state.phase === 'running' ? style.green('running') : style.cyan(state.phase);
    case 'silent':
      return style.red(`silent for ${formatDuration(state.silentMs)}`);
    case 'boot-failing':
      return style.red(`boot failed ${state.failures}×`);
    case 'succeeded':
    case 'failed':
    case 'stopped':
      return endText(state.kind, style);
    case 'ended':
      return endText(state.status, style);
    case 'older':
      return style.dim('older format');
    case 'launching':
    case 'provisioning':
    case 'recovering':
      return style.yellow(state.kind);
    default:
      return assertNever(state);
  }
}

/** A status that this build does not know is shown as it is. */
export function endText(status: string, style: Styles): string {
  if (status === 'succeeded') return style.green(status);
  return status === 'failed' ? style.red(status) : style.yellow(status);
}

/** The table of `runctl status`, and how old what it says is. */
export function renderRuns(
  runs: readonly RunRow[],
  options: { nowMs: number; colour: boolean; location: string; write: CommandWriter },
): string {
  if (runs.length === 0) return `no runs in ${options.location}\n`;
  const style = styles(options.colour);
  const rows = runs.map((run) => [
    run.run,
    run.name ?? '-',
    rowStateText(run, style),
    numberText(run.step),
    numberText(run.durableStep),
    run.machineType === null ? '-' : `${run.machineType} ${run.location} ${run.market}`,
    run.spentUsd === null ? '-' : formatUsd(run.spentUsd),
    numberText(run.interruptions),
    // The cloud tells its time in whole seconds, so that a run may seem to come from the next one.
    formatDuration(Math.max(0, options.nowMs - Date.parse(run.createdAt))),
    run.heartbeatAgeMs === null ? '-' : formatDuration(run.heartbeatAgeMs),
  ]);
  const head = ['RUN', 'NAME', 'STATE', 'STEP', 'DURABLE', 'MACHINE', 'SPENT', 'INTERRUPTED', 'LAUNCHED', 'HEARD'];
  return `${unheardLines(runs, style, options.write).join('')}${table(head, rows)}${style.dim('LAUNCHED and HEARD are ages; HEARD is that of the last heartbeat, from which the rest of a line comes')}\n${adviceLines(runs, style, options.write).join('')}`;
}

/** Before everything else: nothing else in a list costs money for nothing. */
function unheardLines(runs: readonly RunRow[], style: Styles, write: CommandWriter): string[] {
  return runs.flatMap(({ run, name, waitingMs, unheard }) =>
    unheard === null
      ? []
      : [
          `${style.red('no word')} from ${run} for ${formatDuration(waitingMs ?? 0)}: ${unheardText(unheard)}; whether it has any: ${write(command('status', name ?? run))}\n`,
        ],
  );
}

/** Longer than a provider needs to show what was asked for. */
const LONG_WAIT_MS = 120_000;
const waitsLong = ({ waitingMs, stranded }: RunRow): boolean =>
  !stranded && waitingMs !== null && waitingMs >= LONG_WAIT_MS;

function rowStateText(run: RunRow, style: Styles): string {
  if (run.stranded) return style.red('stranded');
  const text = stateText(run.state, style);
  return waitsLong(run) && run.waitingMs !== null ? `${text} for ${formatDuration(run.waitingMs)}` : text;
}

/** A list asks the bucket alone, for what it says of a hundred runs at once. */
function adviceLines(runs: readonly RunRow[], style: Styles, write: CommandWriter): string[] {
  const stranded = runs.find((run) => run.stranded);
  const waiting = runs.find(waitsLong);
  return [
    ...(stranded === undefined
      ? []
      : [`stranded: no machine was ever asked for: ${write(command('resume', stranded.name ?? stranded.run))}`]),
    ...(waiting === undefined
      ? []
      : [
          `whether a machine still comes, the provider knows: ${write(command('status', waiting.name ?? waiting.run))}`,
        ]),
  ].map((text) => `${style.yellow(text)}\n`);
}

function numberText(value: number | null): string {
  return value === null ? '-' : String(value);
}
