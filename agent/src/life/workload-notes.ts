import { type Log, messageOf } from '@runctl/core';
import { timestampOf } from '@runctl/protocol';
import type { Journal } from '../journal/journal.ts';
import type { WorkloadExit } from '../lifecycle/model.ts';
import type { WorkloadProcess } from '../workload/supervisor/supervisor.ts';
import type { LifeContext } from './attempt-context.ts';

/**
 * Writes down which workload runs: by that its crash will be known as the one that was judged. An agent may have died
 * between the start and this note, so who adopts makes it too. `startedMs` is wall time. Never rejects: it runs, and to
 * report a failed start now would start it a second time beside itself.
 */
export async function noteWorkload(
  { journal, life }: Pick<LifeContext, 'journal' | 'life'>,
  { id, pid }: WorkloadProcess,
  startedMs: number,
): Promise<void> {
  if (journal.state.attempt?.workload?.id === id) return;
  try {
    await journal.updateAttempt({ workload: { id, pid, startedAt: timestampOf(startedMs) } });
  } catch (error) {
    life.warn(`the start could not be written to this machine's disk: ${messageOf(error)}`);
  }
}

/** Whether a workload ended by a decision of its own: then what it saved is whole. */
export const isClean = ({ code }: WorkloadExit, told: boolean): boolean => code === 0 || (code !== null && told);

/**
 * A workload of this attempt was cut off: what it has written may be a piece. Where the clock was set meanwhile, no age of
 * a file tells who wrote it. Never rejects.
 */
export async function noteCutOff(
  journal: Journal,
  { clockWasSet, log }: { readonly clockWasSet: boolean; readonly log: Log },
): Promise<void> {
  const { attempt } = journal.state;
  if (attempt === null) return;
  const cutOffSince = clockWasSet ? timestampOf(0) : (attempt.cutOffSince ?? attempt.since);
  if (cutOffSince === attempt.cutOffSince) return;
  await journal
    .updateAttempt({ cutOffSince })
    .catch((error: unknown) => log.error({ error: messageOf(error) }, 'journal'));
}
