import type { WorkloadTraits } from '../supervisor/supervisor.ts';
import { runsSource } from './kinship.ts';
import type { Members } from './members.ts';
import type { StopCandidate } from './recipients.ts';
import { stopOrder } from './recipients.ts';

/** Answers by what its processes are at this moment; null when none lives. `group` is their control group. */
export function traitsOf(
  members: Pick<Members, 'candidates' | 'programOf'>,
  group: string | null,
): WorkloadTraits | null {
  const candidates = members.candidates();
  const containment = group === null ? 'best-effort' : 'control-group';
  if (candidates === null) return { catchesTerm: null, ignoresTerm: false, containment, program: null, reason: null };
  const { first } = stopOrder(candidates);
  const [head] = first;
  if (head === undefined) return null;
  const isCaught = canSaveAtTerm(candidates, first);
  const ignoresTerm = !isCaught && trainingOf(candidates, first).some((each) => each.ignoresTerm);
  const catchesTerm = isCaught || (ignoresTerm ? null : false);
  return { catchesTerm, ignoresTerm, containment, program: members.programOf(head), reason: reasonOf(head) };
}

function reasonOf({ catchesTerm, ignoresTerm, hasWritten, isRank }: StopCandidate): string {
  if (ignoresTerm) return 'no process catches SIGTERM, and this one ignores it';
  if (!catchesTerm) return 'no process catches SIGTERM';
  if (isRank) return 'it is a rank of a launcher and catches SIGTERM';
  return hasWritten ? 'it catches SIGTERM and was seen writing a checkpoint' : 'it catches SIGTERM for itself';
}

/** Whether one of `first`, to whom SIGTERM goes first, saves at it. A launcher passes the signal on, and does not save. */
export function canSaveAtTerm(candidates: readonly StopCandidate[], first: readonly StopCandidate[]): boolean {
  return ranksOf(candidates, first).some((each) => each.catchesTerm);
}

/**
 * Those whose own SIGTERM decides where nothing catches it: whoever saves, as far as that was seen. Where scripts are among
 * them a program that serves them does not count.
 */
function trainingOf(candidates: readonly StopCandidate[], first: readonly StopCandidate[]): readonly StopCandidate[] {
  const writers = candidates.filter(({ hasWritten }) => hasWritten);
  const training = writers.length > 0 ? writers : ranksOf(candidates, first);
  const scripts = training.filter(runsSource);
  return scripts.length > 0 ? scripts : training;
}

function ranksOf(candidates: readonly StopCandidate[], first: readonly StopCandidate[]): readonly StopCandidate[] {
  const ranks = candidates.filter(({ isRank }) => isRank);
  return ranks.length > 0 ? ranks : first;
}
