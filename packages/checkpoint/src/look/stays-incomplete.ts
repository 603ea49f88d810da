import type { Incomplete } from './judge.ts';
import type { MovementFacts } from './movement.ts';
import { isStill } from './sightings.ts';
import type { Candidate } from '../contract/recogniser.ts';

/** In settling times: nobody takes so long between two writes of one save. */
const LONG = 30;

/**
 * Whether nobody is going to complete what does not count now, so that whoever saved it should know: the workload has ended by
 * itself, or has not touched it for long. After a kill it is what a save that was cut off leaves, and no news.
 */
export function staysIncomplete(
  { files }: Candidate,
  { settling }: Pick<Incomplete, 'settling'>,
  facts: MovementFacts,
): boolean {
  if (settling) return false;
  if (facts.ended !== null) return facts.ended.clean;
  const at = { nowMs: facts.nowMs, settleMs: facts.settleMs * LONG };
  return files.every((file) => isStill(facts.sightings, file, at));
}
