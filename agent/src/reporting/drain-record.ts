import type { DurableCheckpoint, PassReport } from '@runctl/checkpoint';
import { messageOf } from '@runctl/core';
import { type DrainReport, parseManifestKey, type StopCause } from '@runctl/protocol';
import { filesBelow } from './files-below.ts';

/** The notes of a drain that its report is counted from. Wall times. */
export interface DrainTimes {
  readonly cause: StopCause;
  readonly seenMs: number;
  readonly termMs: number;
  readonly windowMs: number | null;
  readonly stepAtStop: number | null;
  /** As in the report. */
  readonly caughtTerm: boolean | null;
}

/** When the files of a folder were written after a moment. */
export interface Writes {
  readonly firstMs: number | null;
  readonly lastMs: number | null;
}

export interface DrainEnd {
  readonly generation: number;
  readonly exitMs: number | null;
  readonly killed: boolean;
  readonly writes: Writes;
  readonly flushMs: number | null;
  readonly lastPass: PassReport | null;
  /** The deadline came before the last pass could say what it leaves. */
  readonly isCutShort: boolean;
  readonly durable: DurableCheckpoint | null;
}

const since = (fromMs: number, atMs: number | null): number | null =>
  atMs === null ? null : Math.max(0, Math.round(atMs - fromMs));

/** Reports what happened between the stop and the last byte. */
export function drainReportOf(times: DrainTimes, end: DrainEnd): DrainReport {
  const newCheckpoint = end.durable !== null && isSince(end.durable, times.termMs, end.generation);
  return {
    cause: times.cause,
    windowMs: times.windowMs,
    noticeToSigtermMs: since(times.seenMs, times.termMs),
    sigtermToFirstWriteMs: since(times.termMs, end.writes.firstMs),
    sigtermToLastWriteMs: since(times.termMs, end.writes.lastMs),
    sigtermToExitMs: since(times.termMs, end.exitMs),
    caughtTerm: times.caughtTerm,
    killed: end.killed,
    flushMs: end.flushMs,
    newCheckpoint,
    stepAtStop: times.stepAtStop,
    durableStep: end.durable?.step ?? null,
    notDurable: notDurableOf(end, newCheckpoint),
  };
}

/** Empty beside `newCheckpoint: false` has to mean that none appeared: a look that was cut short must not pass for one. */
function notDurableOf({ lastPass, isCutShort }: DrainEnd, newCheckpoint: boolean): string[] {
  const known = lastPass?.notDurable ?? [];
  if (isCutShort) return [...known, 'whatever was saved after that: the deadline came before it could be looked at'];
  if (newCheckpoint || known.length > 0 || (lastPass !== null && lastPass.error === null)) return [...known];
  const why = lastPass === null ? 'there was no time for it' : messageOf(lastPass.error);
  return [`whatever was saved last: the look at the checkpoint folder was cut short (${why})`];
}

/** Times of another generation are those of another machine's clock, which may be wrong. */
function isSince({ manifest, savedAt }: DurableCheckpoint, termMs: number, generation: number): boolean {
  return parseManifestKey(manifest)?.generation === generation && Date.parse(savedAt) >= termMs;
}

/** Finds by the files' own times when the first and the last of them was written after `fromMs`, as far as they can be read. */
export async function writesSince(folder: string, fromMs: number): Promise<Writes> {
  let firstMs: number | null = null;
  let lastMs: number | null = null;
  for await (const { info } of filesBelow(folder)) {
    const { birthtimeMs, mtimeMs } = info;
    if (mtimeMs < fromMs) continue;
    const begunMs = birthtimeMs >= fromMs ? Math.min(birthtimeMs, mtimeMs) : mtimeMs;
    firstMs = Math.min(firstMs ?? begunMs, begunMs);
    lastMs = Math.max(lastMs ?? mtimeMs, mtimeMs);
  }
  return { firstMs, lastMs };
}
