import { command } from '@runctl/core';
import { isLiving, lastLaunch } from '@runctl/operations/run';
import type { RunDetail } from '@runctl/operations/status';
import type { CommandWriter } from './command-writer.ts';
import { machineEndText } from './follow-text.ts';
import type { Styles } from './style.ts';
import { counted } from './transfer.ts';
import { unheardText } from './unheard.ts';

/** First of all that a run shows: machines that were paid for, and from which nobody has heard. */
export function unheardRows(
  { record, unheard, provider }: RunDetail,
  style: Styles,
  write: CommandWriter,
): [string, string][] {
  if (unheard === null) return [];
  const { launch } = lastLaunch(record) ?? {};
  const machines = provider.machines.filter((machine) => machine.launch === launch);
  const gone = machines
    .filter((machine) => !isLiving(machine))
    .map((machine): [string, string] => ['gone', `${machine.machineId}${machineEndText(machine)}`]);
  const ends = `${write(command('stop', record.spec.run))} ends it`;
  return [
    ['no word', style.red(`of ${counted(machines.length, 'machine')}: ${unheardText(unheard)}; ${ends}`)],
    ...gone,
  ];
}
