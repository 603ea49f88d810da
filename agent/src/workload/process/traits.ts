import type { WorkloadTraits } from '../supervisor/supervisor.ts';
import type { Members } from './members.ts';
import type { StopCandidate } from './recipients.ts';
import { stopOrder } from './recipients.ts';

/** Answers by what its processes are at this moment; null when none lives. `group` is their control group. */
export function traitsOf(members: Members, group: string | null): WorkloadTraits | null {
  const candidates = members.candidates();
  const containment = group === null ? 'best-effort' : 'control-group';
  if (candidates === null) return { catchesTerm: null, containment, program: null };
  const { first } = stopOrder(candidates);
  if (first.length === 0) return null;
  const catchesTerm = canSaveAtTerm(candidates, first);
  return { catchesTerm, containment, program: first[0] === undefined ? null : members.programOf(first[0]) };
}

/** Whether one of `first`, to whom SIGTERM goes first, saves at it. A launcher passes the signal on, and does not save. */
export function canSaveAtTerm(candidates: readonly StopCandidate[], first: readonly StopCandidate[]): boolean {
  const ranks = candidates.filter(({ isRank }) => isRank);
  return (ranks.length > 0 ? ranks : first).some((each) => each.catchesTerm);
}
