import type { CommandEvent } from '@runctl/protocol/events';
import { formatBytes, formatDuration } from '@runctl/core';
import type { CleanupDecision } from '@runctl/operations/bucket';

/** A result in both of its forms. */
interface Shown {
  readonly event: CommandEvent;
  readonly text: string;
}

export interface CleanupView {
  readonly decisions: readonly (Shown & { readonly keep: boolean })[];
  readonly doomed: number;
  /** How much goes, for a question. */
  readonly what: string;
  /** The last words, once so many objects are deleted. */
  ending(deleted: number): Shown;
}

/** What becomes of one checkpoint, and why. */
export function decisionLine(item: {
  readonly name: string;
  readonly keep: boolean;
  readonly why: string;
  readonly sizeBytes: number | null;
}): string {
  const size = item.sizeBytes === null ? '' : `  ${formatBytes(item.sizeBytes)}`;
  return `${item.keep ? 'keep  ' : 'delete'} ${item.name}${size}: ${item.why}`;
}

/** What a cleanup of a bucket is going to do, item by item, and how it ended. */
export function cleanupView(
  decisions: readonly CleanupDecision[],
  { nowMs, dryRun }: { readonly nowMs: number; readonly dryRun: boolean },
): CleanupView {
  const gone = decisions.filter(({ keep }) => !keep);
  const doomed = gone.length;
  const bytes = gone.reduce((sum, { item }) => sum + item.sizeBytes, 0);
  const what = `${doomed} of ${decisions.length} (${formatBytes(bytes)})`;
  return {
    decisions: decisions.map((decision) => ({ ...shownDecision(decision, nowMs), keep: decision.keep })),
    doomed,
    what,
    ending(deleted) {
      const done = dryRun ? `would delete ${what}; nothing was changed` : `deleted ${what}: ${deleted} objects`;
      const event: CommandEvent = { type: 'cleaned-up', doomed, bytes, deleted, dryRun };
      return { event, text: doomed === 0 ? 'nothing to delete' : done };
    },
  };
}

function shownDecision({ item, keep, why }: CleanupDecision, nowMs: number): Shown {
  const { name, sizeBytes, newestMs } = item;
  const ageMs = Math.max(0, nowMs - newestMs);
  return {
    event: { type: keep ? 'keep' : 'delete', name, objects: item.keys.length, sizeBytes, ageMs, why },
    text: `${keep ? 'keep  ' : 'delete'} ${name}  ${formatBytes(sizeBytes)}, ${formatDuration(ageMs)} old: ${why}`,
  };
}
