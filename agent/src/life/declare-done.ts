import { type Clock, type Log, messageOf } from '@runctl/core';
import type { LaunchOutcome } from '@runctl/protocol';
import type { Successors } from '../host/host.ts';
import { finishedText } from '../recovery/verdict.ts';
import { declareOutcome, type DeclareOutcomeParts } from './declare-outcome.ts';
import type { LaunchEnding } from './departure.ts';
import { insist } from './insist.ts';

export interface DeclareDoneParts extends DeclareOutcomeParts {
  readonly outcomeOf: (ending: LaunchEnding, signal: AbortSignal) => Promise<LaunchOutcome>;
  /** Whether the run has a durable checkpoint. */
  readonly isKept: () => boolean;
  /** What became of saves that are no whole checkpoint, for people; null where there are none. */
  readonly unproven: string | null;
  /** Of several machines only the first speaks for the launch. */
  readonly node: number;
  /** The folder that the run keeps besides its checkpoints; null where there is none. */
  readonly output: unknown;
  readonly successors: Pick<Successors, 'end' | 'trouble'>;
  readonly capacity: () => Promise<string | null>;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Writes the outcome of a launch whose script is done, with everything durable, while the script still runs: whatever becomes
 * of machine and script from now on, the run has succeeded and no machine follows. Resolves with whether that stands: another
 * may have ended the launch before. Where an output folder is kept too, it is taken once the script has ended, and that end
 * decides: nothing is declared. Rejects with the signal's reason only.
 */
export async function declareDone(parts: DeclareDoneParts, signal: AbortSignal): Promise<boolean> {
  const { capacity, clock, isKept, log, node, outcomeOf, output, successors, unproven } = parts;
  if (node > 0 || output !== null) return false;
  const ending = {
    status: 'succeeded',
    cause: 'exited',
    message: finishedText({ isKept: isKept(), unproven }),
  } as const;
  const outcome = await outcomeOf(ending, signal);
  const write = () => declareOutcome(parts, outcome, signal);
  const written = await insist('the outcome could not be written yet', write, { clock, log, signal });
  if (written?.status !== 'succeeded') return false;
  // Tried once: who ends the launch does it again, and sees to it.
  try {
    const asked = await capacity();
    if (asked !== null) await successors.end(asked);
  } catch (error) {
    log.warn({ error: messageOf(error) }, successors.trouble);
  }
  return true;
}
