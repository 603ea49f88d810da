import type { MeasuredInterruption, NoticeFit } from '@runctl/protocol/events';
import { formatBytes, formatDuration } from '@runctl/core';
import { defaultTiming, type Fit } from '@runctl/protocol';

const USABLE_MS = defaultTiming.noticeMs - defaultTiming.deadlineMarginMs - defaultTiming.reportReserveMs;
const SAVE_LIMIT_MS = USABLE_MS - defaultTiming.flushReserveMs;

/** `fits` are what the agents of the interrupted run said last, oldest first. */
export function noticeFit(interruptions: readonly MeasuredInterruption[], fits: readonly (Fit | null)[]): NoticeFit {
  const seen = interruptions.flatMap((one) =>
    one.killed || one.newCheckpoint !== true || one.savesLastedMs === null ? [] : [one.savesLastedMs],
  );
  const saveMs = seen.length === 0 ? null : Math.max(...seen);
  const sizeBytes = fits.findLast((fit) => fit?.sizeBytes !== null && fit?.sizeBytes !== undefined)?.sizeBytes ?? null;
  const leftMs = saveMs === null || saveMs > SAVE_LIMIT_MS ? null : USABLE_MS - saveMs;
  const needed = leftMs === null || sizeBytes === null ? null : sizeBytes / (leftMs / 1000);
  return {
    saveMs,
    sizeBytes,
    usableMs: USABLE_MS,
    neededBytesPerSecond: needed,
    summary: summaryOf(saveMs, { sizeBytes, needed }),
  };
}

function summaryOf(
  saveMs: number | null,
  { sizeBytes, needed }: { readonly sizeBytes: number | null; readonly needed: number | null },
): string {
  const usable = `of ${formatDuration(USABLE_MS)} usable in a real notice`;
  if (saveMs === null) return `save unknown ${usable}: no save after SIGTERM was seen to its end`;
  const save = `save ${formatDuration(saveMs)} ${usable}`;
  if (saveMs > SAVE_LIMIT_MS)
    return `${save}: does not fit, the script is killed after ${formatDuration(SAVE_LIMIT_MS)}`;
  if (sizeBytes === null || needed === null) return `${save}; how much there is to upload is unknown`;
  const network = `${Math.max(0.01, Math.ceil((needed * 8) / 1e7) / 100)} Gbit/s`;
  return `${save}; the upload of ${formatBytes(sizeBytes)} fits if the machine's network brings ${network} to S3, which a rehearsal can't measure`;
}
