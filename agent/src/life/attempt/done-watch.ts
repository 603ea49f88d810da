import { existsSync } from 'node:fs';
import type { CandidateReport, PassReport } from '@runctl/checkpoint';
import type { Clock } from '@runctl/core';
import type { Timing } from '@runctl/protocol';
import type { AttemptPasses } from './attempt-passes.ts';

export interface DoneWatchParts {
  /** The script's done-marker. */
  readonly donePath: string;
  readonly passes: Pick<AttemptPasses, 'last' | 'whenSettled'>;
  readonly timing: Pick<Timing, 'controlPollMs' | 'doneSettleMs'>;
  readonly clock: Clock;
}

/**
 * Resolves when the script has written its done-marker and every complete checkpoint is durable. An incomplete one gets
 * `doneSettleMs`, also while it grows: the marker is the last thing that a script writes. Resolves with the candidates of
 * that moment. Rejects with the signal's reason.
 */
export async function scriptIsDone(parts: DoneWatchParts, signal: AbortSignal): Promise<readonly CandidateReport[]> {
  const { clock, donePath, timing } = parts;
  while (!existsSync(donePath)) await clock.sleep(timing.controlPollMs, signal);
  const doneMs = clock.monotonicMs();
  return (await durableReport(parts, doneMs, signal)).candidates;
}

/** The first report after `doneMs` by which all that is complete is durable, and nothing changes or it is late. */
async function durableReport(
  { clock, passes, timing }: DoneWatchParts,
  doneMs: number,
  signal: AbortSignal,
): Promise<PassReport> {
  let settled: PassReport | null = null;
  const isSettled = (): PassReport | null => settled;
  passes.whenSettled((report) => (settled = report));
  let lateAfter: PassReport | null = null;
  for (;;) {
    await clock.sleep(timing.controlPollMs, signal);
    const report = isSettled();
    if (report !== null && isDurable(report)) return report;
    const { last } = passes;
    const waitedMs = clock.monotonicMs() - doneMs;
    if (last === null || waitedMs < timing.doneSettleMs) continue;
    // The pass before may have left what the one under way is uploading.
    lateAfter ??= last;
    if (last !== lateAfter && isDurable(last)) return last;
  }
}

const isDurable = ({ error, notDurable, refused }: PassReport): boolean =>
  error === null && refused === null && notDurable.length === 0;
