import { formatBytes, formatDuration, formatUsd } from '@runctl/core';
import type { Pool } from '@runctl/provider';
import type { RetentionPolicy } from '@runctl/protocol';
import type { LaunchPlan } from '@runctl/operations/launch';
import { styles } from './style.ts';
import { table } from './table.ts';

/** A project full of links must not hide its own plan. `--json` has them all. */
const SHOWN_NOTES = 5;
const SHOWN_POOLS = 4;

/** What will happen and what it costs, before anything does. */
export function renderPlan(plan: LaunchPlan, colour: boolean): string {
  const style = styles(colour);
  const { snapshot, project, wish } = plan;
  const command = [...plan.interpreter, project.script, ...wish.args].join(' ');
  const rows: [string, string][] = [
    ['script', command],
    [
      'project',
      `${project.root} (${snapshot.fileCount} files, ${formatBytes(snapshot.contentBytes)}, ${formatBytes(snapshot.sizeBytes)} packed)`,
    ],
    ['machine', `1 × ${wish.market} in ${plan.region}, image ${plan.imageId}`],
    [
      'budget',
      wish.policy.budgetUsd === null
        ? `none; the fleet ends after ${formatDuration(wish.maxRuntimeMs)} in any case`
        : `${formatUsd(wish.policy.budgetUsd)}, then a checkpoint and the end`,
    ],
    [
      'checkpoints',
      `${wish.checkpoint.dir}/, resumed ${wish.checkpoint.resume === 'never' ? 'never' : 'from the newest complete one'}`,
    ],
    ['kept', keptText(wish.checkpoint.keep)],
    ['interruption', interruptionText(plan)],
    ['no capacity', capacityText(plan)],
  ];
  const lines = rows.map(([name, text]) => `  ${style.dim(name.padEnd(13))} ${text}`);
  const pools = table(
    ['FIRST CHOICES', 'ZONE', 'MARKET', 'PRICE/H'],
    plan.pools.slice(0, SHOWN_POOLS).map((pool) => [pool.machineType, pool.location, pool.market, priceText(pool)]),
  );
  const more = plan.pools.length > SHOWN_POOLS ? `  … and ${plan.pools.length - SHOWN_POOLS} more\n` : '';
  const skipped = snapshot.notes.length - SHOWN_NOTES;
  const told =
    skipped > 1 ? [...snapshot.notes.slice(0, SHOWN_NOTES), `… and ${skipped} more like these`] : snapshot.notes;
  const notes = [...told, ...largeFiles(plan)].map((note) => `  ${style.yellow('note:')} ${note}\n`).join('');
  return `${style.bold('plan')}\n${lines.join('\n')}\n\n${indent(pools)}${more}${notes}\n`;
}

/** Which checkpoints stay in the bucket. */
function keptText({ last, everySteps, best }: RetentionPolicy): string {
  const parts = [`the newest checkpoint and the ${last === 1 ? 'one' : last} before it`];
  if (everySteps !== null) parts.push(`the first of each ${everySteps} steps`);
  if (best !== null)
    parts.push(`the one with the ${best.mode === 'min' ? 'smallest' : 'largest'} ${best.metric} in the progress file`);
  return parts.join('; ');
}

function interruptionText(plan: LaunchPlan): string {
  const { policy } = plan.wish;
  const grace = policy.graceMs === null ? 'up to two minutes' : `up to ${formatDuration(policy.graceMs)}`;
  const limit = policy.maxInterruptions === null ? '' : ` (at most ${policy.maxInterruptions} times)`;
  if (plan.wish.market === 'on-demand') return 'not by EC2; a machine that dies is replaced and the run resumes';
  return `SIGTERM, ${grace} to save, then another machine resumes by itself${limit}, with this computer off too`;
}

function capacityText(plan: LaunchPlan): string {
  const { wish } = plan;
  if (wish.market === 'on-demand') return `waits until there is some, at most ${formatDuration(wish.maxRuntimeMs)}`;
  if (wish.onDemandAfterMs !== null)
    return `on-demand after ${formatDuration(wish.onDemandAfterMs)}, while this command watches; afterwards it waits on spot`;
  return `waits on spot, at most ${formatDuration(wish.maxRuntimeMs)}`;
}

function largeFiles(plan: LaunchPlan): string[] {
  return plan.snapshot.largest
    .filter((file) => file.sizeBytes > 50 * 1024 * 1024)
    .map(
      (file) => `${file.path} has ${formatBytes(file.sizeBytes)}; name it in .gitignore if the script does not need it`,
    );
}

export function priceText(pool: Pick<Pool, 'pricePerHourUsd'>): string {
  return pool.pricePerHourUsd === null ? 'unknown' : formatUsd(pool.pricePerHourUsd);
}

function indent(text: string): string {
  return text.replaceAll(/^(?=.)/gm, '  ');
}

/** The plan as one object. */
export function planJson(plan: LaunchPlan) {
  const { snapshot, project, wish } = plan;
  return {
    type: 'plan' as const,
    script: project.script,
    args: wish.args,
    interpreter: plan.interpreter,
    project: project.root,
    treeHash: snapshot.treeHash,
    files: snapshot.fileCount,
    contentBytes: snapshot.contentBytes,
    archiveBytes: snapshot.sizeBytes,
    region: plan.region,
    imageId: plan.imageId,
    market: wish.market,
    pools: plan.pools.map(({ machineType, location, market, pricePerHourUsd }) => ({
      machineType,
      location,
      market,
      pricePerHourUsd,
    })),
    budgetUsd: wish.policy.budgetUsd,
    maxRuntimeMs: wish.maxRuntimeMs,
    onDemandAfterMs: wish.onDemandAfterMs,
    checkpoint: wish.checkpoint,
    notes: snapshot.notes,
  };
}
