import type { AttemptDrained } from '@runctl/protocol';
import type { Checkpoints } from '../../checkpoints/checkpoint-port.ts';
import { documentHead, type HeadParts } from '../../reporting/document-head.ts';
import { drainReportOf, writesSince } from '../../reporting/drain-record.ts';
import type { AttemptReport } from './report-attempt.ts';

export interface DrainedDocumentParts extends HeadParts {
  readonly checkpoints: Pick<Checkpoints, 'publisher'>;
  readonly folders: { readonly checkpoint: string };
}

/** Makes `drained.json` of the attempt; null where the workload was not told to stop, or only since it was done. Never rejects. */
export async function drainedDocument(
  parts: DrainedDocumentParts,
  report: AttemptReport,
): Promise<AttemptDrained | null> {
  if (report.drain === null || report.ending.cause === 'exited') return null;
  const head = documentHead(parts);
  const times = report.drain.times();
  const writes = await writesSince(parts.folders.checkpoint, times.termMs);
  const drain = drainReportOf(times, {
    generation: head.generation,
    exitMs: report.exitMs,
    killed: report.ending.killed,
    writes,
    flushMs: report.flushMs,
    lastPass: report.lastPass,
    isCutShort: report.isCutShort,
    durable: parts.checkpoints.publisher.durable(),
  });
  return { ...head, drain };
}
