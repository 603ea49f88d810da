import { formatDuration } from '@runctl/core';
import type { Fit } from '@runctl/protocol';
import { adviceFor } from './advice.ts';
import { suggestInterval } from './interval.ts';
import { type FitObservations, median } from './observations.ts';

/** Whether the last save of a run fits into a notice, and what to do if not. Unknown parts stay unknown. */
export function estimateFit(observed: FitObservations): Fit {
  const save = saveOf(observed);
  const upload = uploadOf(observed);
  const verdict = verdictOf(observed, save, upload);
  const measured = { ...observed, save, upload, verdict };
  const interval = suggestInterval(measured);
  const neededBytesPerSecond = neededRate(observed, save.ms);
  return {
    verdict,
    summary: summaryOf(observed, save, upload),
    save,
    upload,
    usableMs: observed.usableMs,
    saveLimitMs: observed.saveLimitMs,
    sizeBytes: observed.sizeBytes,
    neededBytesPerSecond,
    advice: verdict === 'does-not-fit' ? adviceFor({ ...measured, neededBytesPerSecond, interval }) : [],
    interval,
  };
}

/**
 * The longest of the last stops, since the next may be like it; a regular save says nothing of reacting to SIGTERM. Where the
 * script was killed its save would have lasted longer: that time counts only as a lower bound, beyond what else was measured.
 */
function saveOf({ stops, savesMs }: FitObservations): Fit['save'] {
  const recent = stops.filter((stop) => stop.saveMs !== null).slice(0, 3);
  const longest = (killed: boolean): number | null =>
    recent.reduce<number | null>(
      (most, stop) => (stop.killed === killed ? Math.max(most ?? 0, stop.saveMs ?? 0) : most),
      null,
    );
  const stoppedMs = longest(false);
  const knownMs = stoppedMs ?? median(savesMs);
  const cutOffMs = longest(true);
  if (cutOffMs !== null && cutOffMs > (knownMs ?? 0)) return { ms: cutOffMs, from: 'cut-off' };
  if (knownMs === null) return { ms: null, from: null };
  return { ms: knownMs, from: stoppedMs === null ? 'files' : 'stop' };
}

/** Durations as they were observed, since uploads begin while the save goes on, and parts that did not change are copied. */
function uploadOf({ stops, uploadsMs, uploadingForMs }: FitObservations): Fit['upload'] {
  const recent = stops.flatMap((stop) => (stop.saved && stop.uploadMs !== null ? [stop.uploadMs] : [])).slice(0, 3);
  if (recent.length > 0) return { ms: Math.max(...recent), from: 'stop' };
  const ms = median(uploadsMs);
  if (ms !== null) return { ms, from: 'checkpoints' };
  return uploadingForMs === null ? { ms: null, from: null } : { ms: uploadingForMs, from: 'under-way' };
}

function verdictOf(
  { stops, usableMs, saveLimitMs }: FitObservations,
  save: Fit['save'],
  upload: Fit['upload'],
): Fit['verdict'] {
  const knownMs = (save.ms ?? 0) + (upload.ms ?? 0);
  if (stops[0]?.killed === true || (save.ms ?? 0) > saveLimitMs || knownMs > usableMs) return 'does-not-fit';
  const isBound = save.from === 'cut-off' || upload.from === 'under-way';
  return save.ms === null || upload.ms === null || isBound ? 'unknown' : 'fits';
}

function summaryOf(observed: FitObservations, save: Fit['save'], upload: Fit['upload']): string {
  const verdict = verdictOf(observed, save, upload);
  const parts = `save ${timeOf(save)} + upload ${timeOf(upload)} of ${formatDuration(observed.usableMs)} usable`;
  if (verdict === 'fits')
    return save.from === 'stop'
      ? `${parts}: fits`
      : `${parts}: fits, if the script ends its step and exits in the rest`;
  if (verdict === 'unknown') return `${parts}: not known yet`;
  if (observed.stops[0]?.killed === true) return `${parts}: does not fit, the script was killed at the last stop`;
  if ((save.ms ?? 0) > observed.saveLimitMs)
    return `${parts}: does not fit, the script is killed after ${formatDuration(observed.saveLimitMs)}`;
  return `${parts}: does not fit`;
}

function timeOf({ ms, from }: Fit['save'] | Fit['upload']): string {
  if (ms === null) return 'unknown';
  return from === 'cut-off' || from === 'under-way' ? `at least ${formatDuration(ms)}` : formatDuration(ms);
}

/** What the network must carry in the time that the save leaves. */
function neededRate({ sizeBytes, usableMs, saveLimitMs }: FitObservations, saveMs: number | null): number | null {
  if (sizeBytes === null || saveMs === null || saveMs >= Math.min(usableMs, saveLimitMs)) return null;
  return sizeBytes / ((usableMs - saveMs) / 1000);
}
