import { isBestName, isSideFile } from '../look/names.ts';
import { movementOf, type MovementFacts } from '../look/movement.ts';
import { candidateIdentity } from '../look/plan.ts';
import { lookAgainInMs } from '../look/sightings.ts';
import { staysIncomplete } from '../look/stays-incomplete.ts';
import type { Candidate, FileSeen, WorkloadEnd } from '../contract/recogniser.ts';
import type { PassedOver } from '../contract/passed-over.ts';
import type { CompleteCandidate } from '../look/inspect.ts';
import type { Incomplete } from '../look/judge.ts';
import type { DurableHere } from './durable-here.ts';

/**
 * The ruling of one pass on one candidate, and what the pass reports beside it.
 *
 *     sighted ──judgeSighted──▶ behind | durable | moving | unopened
 *     unopened ──inspect, then judgeIncomplete or judgeComplete──▶ incomplete | durable | complete
 */
export type Judgement = Ruling & JudgementNotes;

type Ruling =
  /** It came before what is durable, so it must never take its place. */
  | { readonly kind: 'behind' }
  /** The bucket has all of its files that count. */
  | { readonly kind: 'durable' }
  /** Its movement alone keeps it back. */
  | { readonly kind: 'moving'; readonly why: string }
  /** Its files were opened, or could not be, and it does not count. `needsUser`: waiting can't change that. */
  | { readonly kind: 'incomplete'; readonly why: string; readonly needsUser: boolean }
  /** `hasFallen`: its step is lower than the durable one, so the bucket must be asked whether this save was durable once. */
  | { readonly kind: 'complete'; readonly hasFallen: boolean };

/** What a pass reports beside its rulings. */
export interface JudgementNotes {
  readonly passedOver: readonly PassedOver[];
  /** Files beside a complete candidate that the workload left at its own end and that are whole in no way. */
  readonly leftOut?: readonly PassedOver[];
  /** How soon the next look is due, since something is still changing; null when nothing is. */
  readonly againInMs: number | null;
}

export type JudgementOf<K extends Judgement['kind']> = Extract<Judgement, { kind: K }>;

/** The queries of `DurableHere` that a judgement asks. */
export type DurableFacts = Pick<
  DurableHere,
  'isBehind' | 'isCompared' | 'holds' | 'holdsFilesOf' | 'holdsPath' | 'hasFallen' | 'record'
>;

/** What the looks have shown, and what is durable. */
export interface JudgementFacts {
  readonly facts: MovementFacts;
  readonly durable: DurableFacts;
}

const AT_KILL = 'was written when the script was killed, and nothing shows that it is whole';
/** What became of a file or folder that the end may have cut off. */
const fateText = (isBefore: boolean): string => (isBefore ? 'the one before is used' : 'nothing of it is kept');

const NO_NOTES: JudgementNotes = { passedOver: [], againInMs: null };

export const behindDurable: JudgementOf<'behind'> = { kind: 'behind', ...NO_NOTES };

/** Judges a candidate by what the looks have shown of it. `unopened`: its files have to be opened. Pure. */
export function judgeSighted(
  candidate: Candidate,
  facts: MovementFacts,
  durable: DurableFacts,
): JudgementOf<'behind' | 'durable' | 'moving'> | { readonly kind: 'unopened' } {
  if (durable.isBehind(candidate)) return behindDurable;
  const whole = candidateIdentity(candidate, candidate, facts.ended !== null);
  if (durable.isCompared && durable.holds(whole)) return { kind: 'durable', ...NO_NOTES };
  const why = movementOf(candidate, facts);
  if (why === null) return { kind: 'unopened' };
  const cutOff: Pick<Incomplete, 'cutOff'> = facts.ended?.clean === false ? { cutOff: true } : {};
  const incomplete = { why, settling: facts.ended === null, ...cutOff };
  return { kind: 'moving', why, ...notesOn(candidate, incomplete, { facts, durable }) };
}

/** Judges a candidate that `inspect` found incomplete. Pure. */
export function judgeIncomplete(
  candidate: Candidate,
  incomplete: Incomplete,
  known: JudgementFacts,
): JudgementOf<'incomplete'> {
  const { needsUser = false, why } = incomplete;
  return { kind: 'incomplete', why, needsUser, ...notesOn(candidate, incomplete, known) };
}

type Inspected = Pick<CompleteCandidate, 'apart' | 'candidate' | 'companions'> & {
  readonly held: Pick<CompleteCandidate['held'], 'forbidden'>;
};

/** Judges a candidate that `inspect` found complete. Pure. */
export function judgeComplete(
  complete: Inspected,
  facts: MovementFacts,
  durable: DurableFacts,
): JudgementOf<'durable' | 'complete'> {
  const { candidate, held } = complete;
  const hasEnded = facts.ended !== null;
  const lacking = hasEnded ? [] : lackingCompanions(complete);
  const notes: JudgementNotes = {
    passedOver: [...held.forbidden, ...(facts.ended === null ? [] : cutOffBeside(complete, facts.ended, durable))],
    ...(facts.ended?.clean === true ? { leftOut: leftOutOf(complete) } : {}),
    againInMs: lacking.length > 0 ? lookAgainInMs(facts.sightings, candidate.companions, facts) : null,
  };
  const isWaiting = lacking.some(({ path }) => !complete.apart.has(path));
  const isKnown = durable.holds(candidateIdentity(candidate, complete, hasEnded));
  if (isKnown || (isWaiting && durable.holdsFilesOf(candidate))) return { kind: 'durable', ...notes };
  return { kind: 'complete', hasFallen: durable.hasFallen(candidate), ...notes };
}

function notesOn(candidate: Candidate, incomplete: Incomplete, { facts, durable }: JudgementFacts): JudgementNotes {
  const isReported = incomplete.needsUser === true || staysIncomplete(candidate, incomplete, facts);
  const path = candidate.entry;
  const why = `${AT_KILL} (${incomplete.why}): ${fateText(durable.record !== null)}`;
  const cutOff: readonly PassedOver[] = incomplete.cutOff === true ? [{ path, why, cutOff: true }] : [];
  return {
    passedOver: isReported ? [{ path, why: `can't be made durable: ${incomplete.why}` }] : cutOff,
    againInMs: incomplete.settling ? lookAgainInMs(facts.sightings, candidate.files, facts) : null,
  };
}

/** Nothing will ever complete them. A pointer to what is not there says nothing that is missed. */
function leftOutOf(inspected: Inspected): readonly PassedOver[] {
  return notTaken(inspected).map(({ path }) => ({ path, why: 'is not whole, or belongs to files that are not' }));
}

/** The same of those that the end may have cut off. After an end by itself only the best model is such. */
function cutOffBeside(
  inspected: Inspected,
  { asked = false, clean }: WorkloadEnd,
  durable: Pick<DurableFacts, 'holdsPath'>,
): readonly PassedOver[] {
  const atStop = 'was written when the script was told to stop, and nothing shows that it is whole';
  const isCutOff = ({ path }: FileSeen): boolean => !clean || (asked && isBestName(path));
  return notTaken(inspected)
    .filter(isCutOff)
    .map(({ path }) => ({
      path,
      why: `${clean ? atStop : AT_KILL}: ${fateText(durable.holdsPath(path))}`,
      cutOff: true as const,
    }));
}

function notTaken({ candidate, companions, held }: Inspected): readonly FileSeen[] {
  const taken = new Set([...companions, ...held.forbidden].map(({ path }) => path));
  const pointers = new Set((candidate.pointers ?? []).map(({ path }) => path));
  return candidate.companions.filter(({ path }) => !taken.has(path) && !pointers.has(path) && !isSideFile(path));
}

/** The companions that count and are not complete yet. One that may not be read is not waited for. */
function lackingCompanions({ candidate, companions, held }: Inspected): readonly FileSeen[] {
  const settled = new Set([...companions, ...held.forbidden].map((file) => file.path));
  return candidate.companions.filter(({ path }) => !isSideFile(path) && !settled.has(path));
}
