import { command, formatBytes, formatDuration, formatUsd, hintText } from '@runctl/core';
import { LOST_WITHOUT_HANDLER, type Offer, type RetentionPolicy } from '@runctl/protocol';
import type { LaunchPlan } from '@runctl/operations/launch';
import { join } from 'node:path/posix';
import type { CommandWriter } from './command-writer.ts';
import { styles } from './style.ts';
import { table } from './table.ts';
import { firstBootText, plannedUnheardCost } from './unheard.ts';
import { workloadText } from './workload-text.ts';

/** A project full of links must not hide its own plan. `--json` and `-v` have them all. */
const SHOWN_NOTES = 5;
const SHOWN_OFFERS = 4;

/** What will happen and what it costs, before anything does. */
export function renderPlan(
  plan: LaunchPlan,
  options: { readonly colour: boolean; readonly verbose: boolean; readonly write: CommandWriter },
): string {
  const style = styles(options.colour);
  const { snapshot, start, wish, provider } = plan;
  const { project, words } = start;
  const rows: [string, string][] = [
    [words.kind, workloadText(words)],
    ...pathsRow(start),
    [
      'project',
      `${project.root} (${snapshot.fileCount} files, ${formatBytes(snapshot.contentBytes)}, ${formatBytes(snapshot.sizeBytes)} packed)`,
    ],
    ['machine', `1 × ${plan.market} of ${provider.name} in ${provider.place}, ${provider.target}`],
    ...likelyRows(plan),
    ...plan.quotas.map((text): [string, string] => ['quota', text]),
    [
      'budget',
      wish.policy.budgetUsd === null
        ? `none; ${endText(plan)}`
        : `${formatUsd(wish.policy.budgetUsd)}, then a checkpoint and the end${assumedText(plan)}; ${endText(plan)}`,
    ],
    [
      'checkpoints',
      `${wish.checkpoint.dir}/, resumed ${wish.checkpoint.resume === 'never' ? 'never' : 'from the newest complete one'}`,
    ],
    ['kept', keptText(wish.checkpoint.keep)],
    ...outputRows(plan),
    ['interruption', interruptionText(plan, options.write)],
    ['no capacity', capacityText(plan)],
    ['first boot', firstBootText(plan)],
  ];
  const lines = rows.map(([name, text]) => `  ${style.dim(name.padEnd(13))} ${text}`);
  const offers = table(
    ['FIRST CHOICES', 'ZONE', 'MARKET', 'PRICE/H'],
    plan.offers
      .slice(0, SHOWN_OFFERS)
      .map((offer) => [offer.machineType, offer.location, offer.market, offerPriceText(offer)]),
  );
  const more = plan.offers.length > SHOWN_OFFERS ? `  … and ${plan.offers.length - SHOWN_OFFERS} more\n` : '';
  const missing = provider.missing.map((note) => hintText(note, options.write));
  const notes = [
    ...shownNotes(snapshot.notes, options.verbose),
    ...start.notes,
    ...lastRunNotes(plan),
    ...largeFiles(plan),
    ...missing,
    ...plan.warnings,
  ]
    .map((note) => `  ${style.yellow('note:')} ${note}\n`)
    .join('');
  return `${style.bold('plan')}\n${lines.join('\n')}\n\n${indent(offers)}${more}${notes}\n`;
}

function shownNotes(notes: readonly string[], verbose: boolean): readonly string[] {
  const skipped = notes.length - SHOWN_NOTES;
  return verbose || skipped <= 1 ? notes : [...notes.slice(0, SHOWN_NOTES), `… and ${skipped} more like these`];
}

/** Where a module's imports are looked for first. */
function pathsRow({ project, words }: LaunchPlan['start']): [string, string][] {
  if (words.kind !== 'module') return [];
  return [['PYTHONPATH', words.importRoots.map((root) => `${join(project.name, root)}/`).join(':')]];
}

/** Which checkpoints stay in the bucket. */
function keptText({ last, everySteps, best }: RetentionPolicy): string {
  const parts = [`the newest checkpoint and the ${last === 1 ? 'one' : last} before it`];
  if (everySteps !== null) parts.push(`the first of each ${everySteps} steps`);
  if (best !== null)
    parts.push(`the one with the ${best.mode === 'min' ? 'smallest' : 'largest'} ${best.metric} in the progress file`);
  return parts.join('; ');
}

function outputRows({ wish }: LaunchPlan): [string, string][] {
  const { outputDir } = wish.checkpoint;
  return outputDir === undefined ? [] : [['output', `${outputDir}, after the checkpoint in the time that is left`]];
}

/** Which machine it will be, where there is a choice. Whether a pool has a machine left, nobody tells before one is asked for. */
function likelyRows({ market, offers: [first, ...others] }: LaunchPlan): [string, string][] {
  if (first === undefined || first.pricePerHourUsd === null || others.length === 0) return [];
  const unless = market === 'spot' ? ', unless another has more room' : '';
  const cheapest = `the cheapest of ${others.length + 1} pools${unless}`;
  return [['likely', `${first.machineType} in ${first.location} at ${hourText(first)}, ${cheapest}`]];
}

/** What is counted where no price is known; nothing is said where all are. */
function assumedText({ fallbackOffers, offers, wish }: LaunchPlan): string {
  if (wish.assumedPriceUsd === null) return '';
  const isUnknown = [...offers, ...fallbackOffers].some(({ pricePerHourUsd }) => pricePerHourUsd === null);
  return isUnknown ? `, counting ${formatUsd(wish.assumedPriceUsd)} an hour where no price is known` : '';
}

/** What ends a launch that nothing else has ended. */
function endText({ provider, endsAfterMs }: LaunchPlan): string {
  const after = formatDuration(endsAfterMs);
  return provider.can.expires.value ? `the launch ends after ${after} in any case` : `its agent ends it after ${after}`;
}

function interruptionText({ provider, wish, market }: LaunchPlan, write: CommandWriter): string {
  const { policy } = wish;
  const { noticeMs, recovers } = provider.can;
  const limit = policy.maxInterruptions === null ? '' : ` (at most ${policy.maxInterruptions} times)`;
  const replaced = recovers.value === 'by-itself';
  if (market === 'on-demand')
    return replaced
      ? 'none announced; a machine that dies is replaced and the run resumes'
      : 'none announced; a machine that dies is not replaced';
  const saves =
    noticeMs.value === null
      ? 'without notice'
      : `SIGTERM, up to ${formatDuration(Math.min(policy.graceMs ?? noticeMs.value, noticeMs.value))} to save`;
  if (!replaced) return `${saves}, then the run waits for \`${write(command('resume'))}\``;
  return `${saves}, then another machine resumes by itself${limit}, with this computer off too`;
}

function capacityText({ fallbackOffers, provider, wish, market, endsAfterMs }: LaunchPlan): string {
  const atMost = `at most ${formatDuration(endsAfterMs)}`;
  if (provider.can.recovers.value !== 'by-itself') return 'nothing is launched then';
  if (market === 'on-demand') return `waits until there is some, ${atMost}`;
  if (!provider.switchesMarket) return `waits on spot, ${atMost}: ${provider.name} can't go on in another market`;
  if (wish.onDemandAfterMs === null) return `waits on spot, ${atMost}`;
  const price = fallbackOffers[0] === undefined ? '' : ` (first choice ${hourText(fallbackOffers[0])})`;
  return `on-demand after ${formatDuration(wish.onDemandAfterMs)}${price}, while this command watches; afterwards it waits on spot`;
}

function largeFiles(plan: LaunchPlan): string[] {
  return plan.snapshot.largest
    .filter((file) => file.sizeBytes > 50 * 1024 * 1024)
    .map(
      (file) => `${file.path} has ${formatBytes(file.sizeBytes)}; name it in .gitignore if the script does not need it`,
    );
}

export function priceText({ pricePerHourUsd }: Pick<Offer, 'pricePerHourUsd'>): string {
  return pricePerHourUsd === null ? 'unknown' : formatUsd(pricePerHourUsd);
}

type Priced = Pick<Offer, 'pricePerHourUsd' | 'listedAt'>;

/** Of a list, with its date: it may have moved since. */
export function offerPriceText(offer: Priced): string {
  return offer.listedAt === undefined ? priceText(offer) : `${priceText(offer)} (list price of ${offer.listedAt})`;
}

function hourText(offer: Priced): string {
  return `${priceText(offer)}/h${offer.listedAt === undefined ? '' : `, list price of ${offer.listedAt}`}`;
}

function indent(text: string): string {
  return text.replaceAll(/^(?=.)/gm, '  ');
}

/** What the last run of the same script showed of what this one will do. */
function lastRunNotes({ lastRun }: LaunchPlan): string[] {
  if (lastRun === null || lastRun.caughtTerm) return [];
  return [`nothing caught SIGTERM in ${lastRun.run}, your last run of this script: ${LOST_WITHOUT_HANDLER}`];
}

/** The plan as one object. */
export function planJson(plan: LaunchPlan) {
  const { snapshot, start, wish } = plan;
  const { project, words } = start;
  return {
    type: 'plan' as const,
    workload: { ...words },
    script: project.script,
    args: words.kind === 'command' ? words.command.slice(1) : words.args,
    interpreter: words.kind === 'command' ? [] : words.interpreter,
    project: project.root,
    treeHash: snapshot.treeHash,
    files: snapshot.fileCount,
    contentBytes: snapshot.contentBytes,
    archiveBytes: snapshot.sizeBytes,
    provider: plan.provider.name,
    place: plan.provider.place,
    target: plan.target,
    market: plan.market,
    offers: plan.offers,
    fallbackOffers: plan.fallbackOffers,
    quotas: [...plan.quotas],
    assumedPriceUsd: wish.assumedPriceUsd,
    missing: plan.provider.missing.map((note) => hintText(note)),
    budgetUsd: wish.policy.budgetUsd,
    maxRuntimeMs: wish.maxRuntimeMs,
    endsAfterMs: plan.endsAfterMs,
    onDemandAfterMs: wish.onDemandAfterMs,
    checkFirstBoot: wish.checkFirstBoot,
    unheardMostUsd: plannedUnheardCost(plan).mostUsd,
    checkpoint: wish.checkpoint,
    notes: [...snapshot.notes, ...start.notes, ...lastRunNotes(plan), ...plan.warnings],
    reasons: [...start.reasons, snapshot.reason],
  };
}
