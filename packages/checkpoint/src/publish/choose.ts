import { movementOf } from '../look/movement.ts';
import type { Candidate } from '../contract/recogniser.ts';
import type { FolderCandidates } from '../look/folder-look.ts';
import { filesOf, holdsFilesOf, isOlder, type PublishedRecord } from '../look/plan.ts';
import { isOvertaken, type TimeLeft } from './urgency.ts';
import { urgentOrder } from './urgent-order.ts';

/** The time that is left to secure checkpoints, and how much of each has to be sent still. */
export interface Urgency extends TimeLeft {
  /** Bytes of a candidate that the bucket has not. */
  readonly bytesLeft: (candidate: Candidate) => number;
  /** Bytes that a checkpoint which is being written, beside these, will need still; null when none is. */
  readonly bytesToCome: (others: readonly Candidate[]) => number | null;
}

/** The facts by which a pass chooses. */
export interface ChoiceFacts {
  readonly looked: FolderCandidates;
  readonly published: PublishedRecord | null;
  /** Null while no deadline presses. */
  readonly urgency: Urgency | null;
}

/** The order in which a pass considers the candidates of one look. */
export interface PassPlan {
  /** These are to be secured, in this order: the network is for them. */
  readonly first: readonly Candidate[];
  /** These follow, since the estimate may be wrong. */
  readonly afterwards: readonly Candidate[];
  /** These are left for a newer one that is being written. */
  readonly givenUp: readonly Candidate[];
}

/**
 * Chooses which candidates a pass considers, in which order. With time: all, newest first. Before a deadline: those
 * that can be secured, by the bytes that are left of each and the rate of sending, then the others.
 */
export function choose(facts: ChoiceFacts): PassPlan {
  const { looked, urgency } = facts;
  if (urgency === null) return { first: looked.candidates, afterwards: [], givenUp: [] };
  const { order, givenUp } = urgentChoice(facts, urgency);
  const chosen = new Set([...order, ...givenUp]);
  const afterwards = looked.candidates.filter((candidate) => !chosen.has(candidate));
  return { first: order, afterwards, givenUp };
}

/** Whether the candidate that is being sent (by its own files) goes first now. */
export function goesFirst(sending: string | null, facts: ChoiceFacts): boolean {
  const [first] = choose(facts).first;
  return first !== undefined && sending === filesOf(first);
}

/** Whether the candidate that is being sent (by its own files) can't be secured any more, and another one can. */
export function losesToAnother(sending: string | null, facts: ChoiceFacts): boolean {
  const { published, urgency } = facts;
  if (urgency === null) return false;
  const open = contenders(facts).filter((candidate) => !holdsFilesOf(published, candidate));
  const current = open.find((candidate) => sending === filesOf(candidate));
  if (current === undefined) return false;
  const sizeOf = (candidate: Candidate) => ({ bytesLeft: urgency.bytesLeft(candidate) });
  const others = open.filter((candidate) => candidate !== current);
  return isOvertaken(sizeOf(current), others.map(sizeOf), urgency);
}

function urgentChoice(facts: ChoiceFacts, urgency: Urgency): ReturnType<typeof urgentOrder> {
  const { looked, published } = facts;
  return urgentOrder({
    candidates: contenders(facts),
    bytesLeft: (candidate) => (holdsFilesOf(published, candidate) ? 0 : urgency.bytesLeft(candidate)),
    growingBytesLeft: (others) => (looked.facts.ended === null ? urgency.bytesToCome(others) : null),
    timeLeftMs: urgency.timeLeftMs,
    bytesPerSecond: urgency.bytesPerSecond,
  });
}

/** Candidates that movement lets through and that are not older than what is durable, newest first. */
function contenders({ looked: { candidates, facts }, published }: ChoiceFacts): readonly Candidate[] {
  return candidates.filter((candidate) => !isOlder(candidate, published) && movementOf(candidate, facts) === null);
}
