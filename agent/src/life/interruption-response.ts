import { type Log, messageOf } from '@runctl/core';
import type { RunSpec } from '@runctl/protocol';
import type { Checkpoints } from '../checkpoints/checkpoint-port.ts';
import type { StopBoard } from '../driver/stop-board.ts';
import type { InterruptionEvents, Notice } from '../host/interruptions.ts';
import { documentHead, type HeadParts } from '../reporting/document-head.ts';
import type { LifeState } from '../reporting/life-state.ts';
import type { RunDocuments } from '../reporting/run-documents.ts';
import type { CurrentAttempt } from './attempt/current-attempt.ts';

export interface InterruptionResponseParts {
  readonly stops: Pick<StopBoard, 'raise'>;
  readonly current: Pick<CurrentAttempt, 'requestPass' | 'hurry'>;
  readonly life: LifeState;
  readonly spec: Pick<RunSpec, 'policy'>;
  readonly recordNotice: (notice: Notice) => Promise<void>;
  readonly log: Log;
}

/** Responds to interruptions: a notice becomes a stop, a risk becomes a checkpoint. */
export function interruptionResponse(parts: InterruptionResponseParts): InterruptionEvents {
  const { current, life, log, recordNotice, spec, stops } = parts;
  return {
    onNotice: (notice) => {
      const { action, deadlineMs, firstSeenMs, windowMs } = notice;
      life.notice = { action, deadlineMs };
      log.warn({ action, windowMs }, 'notice');
      stops.raise({ cause: 'notice', haltAtMs: deadlineMs, graceMs: spec.policy.graceMs }, firstSeenMs);
      current.hurry(deadlineMs);
      recordNotice(notice).catch((error: unknown) =>
        log.warn({ error: messageOf(error) }, 'the notice could not be written down'),
      );
    },
    onRisk: (what) => {
      life.warn(`${what}; taking a checkpoint`);
      current.requestPass();
    },
    onScheduledEvent: (what) => life.warn(what),
  };
}

export interface NoticeRecordParts extends HeadParts {
  readonly documents: Pick<RunDocuments, 'putNotice'>;
  readonly checkpoints: Pick<Checkpoints, 'publisher'>;
  readonly life: Pick<LifeState, 'lastStep'>;
}

/** Writes `notice.json` of the current attempt; without one it does nothing. Rejects as the store does. */
export async function recordNotice(parts: NoticeRecordParts, { action, windowMs }: Notice): Promise<void> {
  const { checkpoints, documents, journal, life } = parts;
  if (journal.state.attempt === null) return;
  await documents.putNotice({
    ...documentHead(parts),
    action,
    windowMs,
    step: life.lastStep,
    durableStep: checkpoints.publisher.durable()?.step ?? null,
  });
}
