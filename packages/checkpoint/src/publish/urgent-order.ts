import type { Candidate } from '../contract/recogniser.ts';
import { type Contender, secureInOrder, type TimeLeft } from './urgency.ts';

export interface UrgentFacts extends TimeLeft {
  /** Those that may be complete, newest first. */
  readonly candidates: readonly Candidate[];
  readonly bytesLeft: (candidate: Candidate) => number;
  /** Bytes that a checkpoint which is being written now, beside these, will need still; null when none is. */
  readonly growingBytesLeft: (others: readonly Candidate[]) => number | null;
}

const GROWING = 'growing';

/** Which candidates to publish before a deadline, in this order, and which to give up for one that is being written. */
export function urgentOrder(facts: UrgentFacts): {
  readonly order: readonly Candidate[];
  readonly givenUp: readonly Candidate[];
} {
  const { candidates } = facts;
  const contenders: Contender[] = candidates.map((candidate, index) => ({
    id: String(index),
    bytesLeft: facts.bytesLeft(candidate),
    ready: true,
  }));
  const growing = facts.growingBytesLeft(candidates);
  if (growing !== null) contenders.unshift({ id: GROWING, bytesLeft: growing, ready: false });
  const ids = secureInOrder(contenders, facts);
  const order = ids.flatMap((id) => candidates[Number(id)] ?? []);
  const waits = ids.includes(GROWING);
  return { order, givenUp: waits ? candidates.filter((candidate) => !order.includes(candidate)) : [] };
}
