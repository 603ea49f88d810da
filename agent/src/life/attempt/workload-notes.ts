import { type Log, messageOf } from '@runctl/core';
import { timestampOf } from '@runctl/protocol';
import type { Journal } from '../../journal/journal.ts';
import type { WorkloadExit } from '../../lifecycle/model.ts';
import type { LifeState } from '../../reporting/life-state.ts';
import type { Unkillable, WorkloadProcess } from '../../workload/supervisor/supervisor.ts';

/**
 * Notes in the journal which workload runs, so that its crash will be known as the one that was judged. An agent may have
 * died between the start and this note, so an agent that adopts makes it too. `startedMs` is wall time. Never rejects: the
 * workload runs, and a start that was reported as failed would be made a second time beside it.
 */
export async function noteWorkload(
  { journal, life }: { readonly journal: Journal; readonly life: LifeState },
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

/** Whether a workload ended by a decision of its own, so that what it saved is whole. */
export const isClean = ({ code }: WorkloadExit, wasToldToStop: boolean): boolean =>
  code === 0 || (code !== null && wasToldToStop);

/**
 * Notes in the journal that a workload of this attempt was cut off: what it has written may be a piece. Where the clock was
 * set meanwhile, no age of a file tells who wrote it. Never rejects.
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

/** Names what lives on though it was killed, since whatever is started next on this machine runs beside it. */
export function warnOfUnkillable(life: Pick<LifeState, 'warn'>, unkillable: readonly Unkillable[]): void {
  for (const each of unkillable)
    life.warn(
      `${nameOf(each)} does not end, though it was killed (${stateText(each.state)}): whatever is started here runs beside it`,
    );
}

/** Names what was not seen to end in the time that a kill has. It may only need longer, to give back its memory for one. */
export function warnOfSurvivors(
  life: Pick<LifeState, 'warn'>,
  survivors: readonly Unkillable[],
  sinceKillMs: number,
): void {
  for (const each of survivors)
    life.warn(
      `${nameOf(each)} had not ended ${Math.round(sinceKillMs / 1000)} s after it was killed (${stateText(each.state)})`,
    );
}

const nameOf = ({ pid, command }: Unkillable): string => `process ${pid} (${command.slice(0, 80)})`;

function stateText(state: string | null): string {
  if (state === null) return 'its state is not known';
  return state === 'D'
    ? 'state D: it waits in the kernel for a disk or a device, and does nothing else'
    : `state ${state}`;
}
