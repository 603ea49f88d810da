import { formatBytes, formatDuration } from '@runctl/core';
import type { Fit } from '@runctl/protocol';
import type { FitObservations } from './observations.ts';

interface Unfit extends FitObservations {
  readonly save: Fit['save'];
  readonly upload: Fit['upload'];
  readonly neededBytesPerSecond: number | null;
  readonly interval: Fit['interval'];
}

/** Bits, as networks are sold. */
const gbits = (bytesPerSecond: number): string => {
  const value = (bytesPerSecond * 8) / 1e9;
  return `${value >= 10 ? Math.ceil(value) : Math.ceil(value * 100) / 100} Gbit/s`;
};

/** What to change so that the last save fits, with numbers, most useful first. */
export function adviceFor(observed: Unfit): string[] {
  return [...saveAdvice(observed), ...networkAdvice(observed), oftenAdvice(observed)];
}

function saveAdvice({ save, saveLimitMs, sizeBytes }: Unfit): string[] {
  if (save.ms === null || save.ms < saveLimitMs) return [];
  const pieces = Math.ceil(save.ms / (saveLimitMs * 0.8));
  const smaller =
    sizeBytes === null
      ? ''
      : `, or make it smaller than ${formatBytes(Math.floor(sizeBytes * (saveLimitMs / save.ms)))}`;
  return [
    `the save takes ${save.from === 'cut-off' ? 'at least ' : ''}${formatDuration(save.ms)} of the ${formatDuration(saveLimitMs)} that the script has: shard it over ${pieces} processes that write at the same time${smaller}`,
  ];
}

function networkAdvice({ upload, sizeBytes, neededBytesPerSecond, usableMs, save }: Unfit): string[] {
  // Nothing to send has no rate, however long it takes.
  if (!sizeBytes || upload.ms === null || neededBytesPerSecond === null) return [];
  const remainingMs = usableMs - (save.ms ?? 0);
  if (upload.ms <= remainingMs) return [];
  const measured = sizeBytes / (Math.max(1, upload.ms) / 1000);
  const machines = Math.ceil(neededBytesPerSecond / measured);
  return [
    `${formatBytes(sizeBytes)} in the ${formatDuration(remainingMs)} that the save leaves need ${gbits(neededBytesPerSecond)}, and this machine brought ${gbits(measured)} to S3: choose a type with at least ${gbits(neededBytesPerSecond)} of network, or shard the checkpoint over ${machines} machines`,
  ];
}

function oftenAdvice({ interval, save, upload }: Unfit): string {
  const behindMs = (save.ms ?? 0) + (upload.ms ?? 0);
  if (interval === null)
    return 'save more often: what counts at an interruption is the last checkpoint that was durable';
  const atMostMs = interval.suggestedMs + behindMs;
  return `save every ${formatDuration(interval.suggestedMs)}: an interruption then costs at most ${formatDuration(atMostMs)} of work without any final save`;
}
