import { formatDuration, formatUsd } from '@runctl/core';
import { firstBootLimits } from '@runctl/operations/follow';
import type { LaunchPlan } from '@runctl/operations/launch';
import { scaledTiming } from '@runctl/protocol';
import { unheardCost, type UnheardCost } from '@runctl/operations/run';

/** What machines that boot and never speak may cost, and until when, for people. */
export function unheardText({ mostUsd, until }: UnheardCost): string {
  if (until === null) return 'machines that never speak cost until somebody ends them';
  return `machines that never speak cost ${amountText(mostUsd)} until ${until.slice(0, 16).replace('T', ' ')} UTC`;
}

/** The same of a launch that is only planned; `until` counts from its beginning. */
export function plannedUnheardCost(plan: LaunchPlan): UnheardCost {
  const { endsAfterMs, fallbackOffers, offers, provider, wish } = plan;
  const validUntil = new Date(endsAfterMs).toISOString();
  const assumedPriceUsd = wish.assumedPriceUsd ?? undefined;
  return unheardCost(
    { offers, fallbackOffers, assumedPriceUsd, validUntil },
    { nowMs: 0, nodes: 1, expires: provider.can.expires.value },
  );
}

/** Who ends a launch whose machines boot and never speak, and what that costs where nobody can. */
export function firstBootText(plan: LaunchPlan): string {
  const { wish, detach } = plan;
  const { mostUsd, until } = plannedUnheardCost(plan);
  const end = until === null ? 'without an end' : `within ${formatDuration(plan.endsAfterMs)}`;
  const unwatched = `${amountText(mostUsd)} ${end}`;
  if (!wish.checkFirstBoot)
    return `not watched: machines that never speak, and may not end the launch, cost ${unwatched}`;
  const { machines, runningMs } = firstBootLimits(scaledTiming(wish.timeScale));
  const watched = detach ? 'until its first agent has spoken' : 'while this command watches';
  return (
    `ended after ${machines} machines or ${formatDuration(runningMs)} without a word, ${watched}; ` +
    `unwatched, machines that may not end it cost ${unwatched}`
  );
}

function amountText(mostUsd: number | null): string {
  return mostUsd === null ? 'an unknown amount' : `up to ${formatUsd(mostUsd)}`;
}
