import type { AttemptOutcome } from '@runctl/protocol';
import { costUsd } from '../../reporting/cost.ts';
import { documentHead, type HeadParts } from '../../reporting/document-head.ts';
import { durableStep, type DurableStepParts } from '../../reporting/durable-step.ts';
import type { LifeState } from '../../reporting/life-state.ts';
import type { AttemptReport, LastVerdict } from './report-attempt.ts';

export interface OutcomeDocumentParts extends HeadParts, DurableStepParts {
  readonly life: Pick<LifeState, 'lastStep'>;
}

/** Makes `outcome.json` of the attempt. Never rejects. */
export async function outcomeDocument(
  parts: OutcomeDocumentParts,
  { report, verdict }: { readonly report: AttemptReport; readonly verdict: LastVerdict },
  signal: AbortSignal,
): Promise<AttemptOutcome> {
  const { checkpoints, clock, journal, life, self } = parts;
  const durable = checkpoints.publisher.durable();
  const paidSince = Date.parse(journal.state.attempt?.paidSince ?? '');
  const paidMs = Number.isNaN(paidSince) ? 0 : clock.wallMs() - paidSince;
  const logCut = report.flush !== 'complete' && report.unsaved === null;
  return {
    ...documentHead(parts),
    status: verdict.attempt,
    cause: report.ending.cause,
    exitCode: report.ending.exit?.code ?? null,
    signal: report.ending.exit?.signal ?? null,
    message: logCut ? `${verdict.message}; the end of the log could not be saved` : verdict.message,
    step: life.lastStep,
    durableStep: durable === null ? await durableStep(parts, signal) : durable.step,
    ranMs: report.ranMs,
    costUsd: costUsd(self.pricePerHourUsd, paidMs),
    logBytes: report.logBytes,
  };
}
