import type { SaveEvent } from '@runctl/protocol/events';
import { formatBytes } from '@runctl/core';
import type { SaveResult } from '@runctl/operations/checkpoint';

/** How far a save is. */
export function savingLine(event: SaveEvent): string {
  if (event.type !== 'asked') return `uploading: ${formatBytes(event.sentBytes)} of ${formatBytes(event.sizeBytes)}`;
  const { owner, step, durableStep } = event;
  return `asked ${owner}; step ${step ?? 'unknown'}, durable ${durableStep ?? 'nothing'}`;
}

/** What is durable now. */
export function savedText(run: string, result: SaveResult): string {
  const { durableStepBefore, durableStep, savedAt, step } = result;
  if (durableStep === null && savedAt === null) return `${run} has saved nothing yet that is complete`;
  const same = durableStep === durableStepBefore;
  const news = same ? `is durable already; the script has finished no newer one` : 'is durable now';
  const behind = step !== null && durableStep !== null && step > durableStep ? ` (it is at step ${step})` : '';
  return `step ${durableStep ?? 'unknown'} of ${run}, written ${savedAt ?? 'some time ago'}, ${news}${behind}`;
}
