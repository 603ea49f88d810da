import { messageOf } from '@runctl/core';
import { timestampOf } from '@runctl/protocol';
import type { WorkloadProcess } from '../supervisor/supervisor.ts';
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
