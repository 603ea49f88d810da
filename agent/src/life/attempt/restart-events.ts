import type { PassedOver } from '@runctl/checkpoint';
import { formatDuration } from '@runctl/core';
import type { Journal } from '../../journal/journal.ts';
import type { Ending } from '../../lifecycle/model.ts';
import type { Prepared } from '../../preparation/prepare.ts';
import type { Crash } from '../../recovery/policy.ts';
import type { LifeEvents } from '../../reporting/life-events.ts';

export interface RestartEventsParts {
  readonly journal: Journal;
  readonly events: Pick<LifeEvents, 'append'>;
}

/** Appends that a crashed workload is started again, and from where; of the first start tells `started.json`. Never rejects. */
export async function appendRestart({ journal, events }: RestartEventsParts, prepared: Prepared): Promise<void> {
  if ((journal.state.attempt?.crashes ?? []).length === 0) return;
  const { resumedFrom } = prepared;
  for (const message of resumedFrom?.warnings ?? []) await events.append({ kind: 'set-aside', message });
  if (resumedFrom === null) return events.append({ kind: 'start', message: 'started again from nothing', step: null });
  const { step } = resumedFrom;
  const from = step === null ? 'a checkpoint without a step' : `step ${step}`;
  return events.append({ kind: 'resume', message: `started again with ${from} to resume from`, step });
}

/** Each is one request, and a script may have written thousands of files at its end. */
const MOST_CUT_OFF = 3;

/**
 * Appends what the end of the workload may have cut off, and is not used for that: a few by name, of the rest how many. Never
 * rejects.
 */
export async function appendCutOff(
  events: Pick<LifeEvents, 'append'>,
  passedOver: readonly PassedOver[],
): Promise<void> {
  const all = passedOver.filter(({ cutOff }) => cutOff === true);
  const named = all.slice(0, all.length > MOST_CUT_OFF + 1 ? MOST_CUT_OFF : all.length);
  for (const { path, why } of named) await events.append({ kind: 'not-kept', message: `${path} ${why}` });
  const more = all.length - named.length;
  if (more > 0) await events.append({ kind: 'not-kept', message: `${more} more files or folders that may be cut off` });
}

export interface NotedCrash {
  readonly ending: Ending;
  readonly crash: Crash;
  /** What follows from it, for people. */
  readonly consequence: string;
}

/** Appends that the workload crashed and is to be started again. Never rejects. */
export async function appendCrash(
  { events }: Pick<RestartEventsParts, 'events'>,
  { ending, crash, consequence }: NotedCrash,
): Promise<void> {
  const { code = null, signal = null } = ending.exit ?? {};
  const message = `${crash.failure} after ${formatDuration(crash.ranMs)}`;
  await events.append({ kind: 'crash', message, exitCode: code, signal });
  await events.append({ kind: 'backoff', message: consequence });
}
