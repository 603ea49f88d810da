import { type Log, messageOf } from '@runctl/core';
import type { Prepared } from '../../preparation/prepare.ts';
import { documentHead, type HeadParts } from '../../reporting/document-head.ts';
import type { LifeState } from '../../reporting/life-state.ts';
import type { RunDocuments } from '../../reporting/run-documents.ts';

export interface ReportStartParts extends HeadParts {
  readonly documents: Pick<RunDocuments, 'putStarted'>;
  readonly agentVersion: string;
  readonly life: Pick<LifeState, 'interpreter' | 'warn'>;
  readonly log: Log;
}

/** Writes `started.json`, which tells of the first start of a generation. Never rejects: a store that fails now does not keep the training from starting. */
export async function reportStart(parts: ReportStartParts, prepared: Prepared): Promise<void> {
  const { agentVersion, documents, life, log, self } = parts;
  const { machineType, location, market } = self.identity;
  try {
    await documents.putStarted({
      ...documentHead(parts),
      machineType,
      location,
      market,
      pricePerHourUsd: self.pricePerHourUsd,
      resumedFrom: prepared.resumedFrom,
      agentVersion,
      interpreter: life.interpreter,
      stagesMs: prepared.stagesMs,
    });
  } catch (error) {
    log.warn({ error: messageOf(error) }, 'the start could not be written down');
    life.warn(`the start could not be written to the bucket: ${messageOf(error)}`);
  }
}
