import type { WorkloadTraits } from '../supervisor/supervisor.ts';
import type { Members } from './members.ts';
import { stopOrder } from './recipients.ts';

/** Answers by what its processes are at this moment; null when none lives. `group` is their control group. */
export function traitsOf(members: Members, group: string | null): WorkloadTraits | null {
  const candidates = members.candidates();
  const containment = group === null ? 'best-effort' : 'control-group';
  if (candidates === null) return { catchesTerm: null, containment, program: null };
  const { first } = stopOrder(candidates);
  if (first.length === 0) return null;
  // A launcher passes the signal on, and does not save.
  const ranks = candidates.filter(({ isRank }) => isRank);
  const catchesTerm = (ranks.length > 0 ? ranks : first).some((each) => each.catchesTerm);
  return { catchesTerm, containment, program: first[0] === undefined ? null : members.programOf(first[0]) };
}
