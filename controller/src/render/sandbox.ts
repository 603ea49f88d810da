import { command, formatDuration } from '@runctl/core';
import type { SandboxStatus } from '@runctl/protocol';
import type { SandboxRegion } from '@runctl/operations/sandbox';
import type { CommandWriter } from './command-writer.ts';
import { styles } from './style.ts';
import { table } from './table.ts';

export function renderRegion(region: SandboxRegion, options: { colour: boolean; write: CommandWriter }): string {
  const style = styles(options.colour);
  return [
    `local cloud at level ${style.bold(region.level)}, ${region.endpointUrl}`,
    ...region.notReal.map((sentence) => `  ${style.dim('not real:')} ${sentence}`),
    `  state in ${region.folder}`,
    `  use it with --sandbox, or in this shell: eval "$(${options.write(command('sandbox env'))})"`,
    '',
  ].join('\n');
}

export function renderSandboxStatus(status: SandboxStatus, colour: boolean): string {
  const style = styles(colour);
  const rows = status.instances.map((instance) => [
    instance.instanceId,
    instance.state,
    instance.type,
    instance.zone,
    instance.market,
    instance.tags['runctl:run'] ?? '-',
    formatDuration((instance.endedAtMs ?? status.nowMs) - instance.launchedAtMs),
    instance.notice === null ? '-' : `${formatDuration(instance.notice.deadlineMs - status.nowMs)} left`,
  ]);
  const head = ['INSTANCE', 'STATE', 'TYPE', 'ZONE', 'MARKET', 'RUN', 'AGE', 'NOTICE'];
  const active = status.fleets.filter((fleet) => fleet.state === 'active').length;
  return [
    `local cloud at level ${style.bold(status.level)}, ${status.region}, time scale ${status.timeScale}, ${active} active ${active === 1 ? 'fleet' : 'fleets'}`,
    ...status.notReal.map((sentence) => `  ${style.dim('not real:')} ${sentence}`),
    rows.length === 0 ? 'no instances\n' : table(head, rows),
  ].join('\n');
}
