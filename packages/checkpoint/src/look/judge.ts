import type { Candidate, FileSeen } from '../contract/recogniser.ts';
import { isWeightsName } from '../formats/file-kinds.ts';
import type { StructureFinding } from '../formats/structure.ts';
import { danglingAmong } from './along.ts';
import { inSettledSets, type SettledSets } from './companion-sets.ts';
import { hasArrived, hasSettled, type MovementFacts, PATIENCE } from './movement.ts';
import { isSavedAlone, isStill } from './sightings.ts';
import { isBestName, isDatabase } from './names.ts';
import { fingerprintOf } from './scan.ts';

export interface InspectionFacts extends MovementFacts {
  /** By path; of every file of the candidate and of those companions that can be read. */
  readonly structures: ReadonlyMap<string, StructureFinding>;
  /** Inodes that a process has open for writing; null where that can't be known. */
  readonly writers: ReadonlySet<string> | null;
}

export type CandidateVerdict =
  ({ readonly complete: true; readonly evidence: string } & SettledSets) | ({ readonly complete: false } & Incomplete);

/** Why a candidate does not count, and whether only waiting can change that. */
export interface Incomplete {
  readonly why: string;
  readonly settling: boolean;
  /** Waiting can't change that, only the user can: no bucket can hold it, or this process may not read it. */
  readonly needsUser?: true;
  /** The kill of the workload may have cut it off, and nothing shows that it has not. */
  readonly cutOff?: true;
}

/** The verdict on a candidate that `movementOf` let through and whose files are held open. */
export function judgeCandidate(candidate: Candidate, facts: InspectionFacts): CandidateVerdict {
  const incomplete = (why: string, settling: boolean): CandidateVerdict => ({ complete: false, why, settling });
  const cutOff = (why: string): CandidateVerdict => ({ complete: false, why, settling: false, cutOff: true });
  if (candidate.marker?.complete === false) return incomplete(candidate.marker.evidence, facts.ended === null);
  const proofs = new Set<string>();
  const arrived = hasArrived(candidate, facts);
  for (const file of candidate.files) {
    const finding = facts.structures.get(file.path) ?? { verdict: 'unknown', evidence: 'not inspected' };
    if (finding.verdict === 'torn') return incomplete(`${file.path}: ${finding.evidence}`, maySaveOn(file, facts));
    if (facts.writers?.has(file.inode)) return incomplete(`${file.path} is open for writing`, true);
    const settled = facts.ended?.clean === true || hasSettled(file, facts);
    const proven = finding.verdict === 'whole' || candidate.marker?.complete === true;
    if (!proven && maybeOpenAtKill(file, facts))
      return cutOff(`${file.path} may have been open for writing when the workload was killed`);
    if (!settled && !proven) {
      const why = `${file.path} was written too recently, and its ${finding.evidence}`;
      return facts.ended === null ? incomplete(why, true) : cutOff(why);
    }
    if (!settled && facts.ended === null && facts.writers === null)
      return incomplete(`${file.path} is not still, and who writes to it can't be known here`, true);
    const savedAlone = arrived || candidate.wholeInOneFile === true || isSavedAlone(facts.sightings, candidate, file);
    if (!settled && facts.ended === null && !savedAlone)
      return incomplete(`${file.path} is not still, and whether others are saved with it is not known yet`, true);
    if (finding.verdict === 'whole') proofs.add(finding.evidence);
    if (!settled) proofs.add(proofInMotion(facts, arrived));
  }
  const still = candidate.companions.filter((file) => goesAlong(file, facts));
  const along = new Set(still);
  const inVain = (file: FileSeen): boolean =>
    facts.isRestless?.(file.path) === true || (!along.has(file) && neverGoesAlong(file, facts));
  const settled = inSettledSets(candidate, still, { facts, inVain });
  const dangling = danglingAmong(new Set(settled.companions.map(({ path }) => path)), candidate);
  const companions = settled.companions.filter(({ path }) => !dangling.has(path));
  return { complete: true, evidence: evidenceOf(candidate, facts, proofs), companions, apart: settled.apart };
}

/** Whether a torn file may be a save under way: it was not still, or it is held open and was written not long ago. */
function maySaveOn(file: FileSeen, facts: InspectionFacts): boolean {
  const { ended, nowMs, settleMs, sightings, writers } = facts;
  if (ended !== null) return false;
  const isHeld = writers?.has(file.inode) === true;
  return !isStill(sightings, file, { nowMs, settleMs: isHeld ? settleMs * PATIENCE.stepped : settleMs });
}

function proofInMotion({ ended }: InspectionFacts, arrived: boolean): string {
  if (ended !== null) return 'whole in spite of the kill';
  return arrived ? 'all that the checkpoint before had' : 'saved alone';
}

function goesAlong(file: FileSeen, facts: InspectionFacts): boolean {
  const verdict = facts.structures.get(file.path)?.verdict;
  if (verdict === undefined || verdict === 'torn') return false;
  // Whether it stood still for the moment in which it was taken is checked after that.
  if (isDatabase(file.path)) return true;
  if (facts.writers?.has(file.inode)) return false;
  if (verdict !== 'whole' && (maybeOpenAtKill(file, facts) || maybeCutOffAtStop(file, facts))) return false;
  return facts.ended?.clean === true || hasSettled(file, facts) || (facts.ended !== null && verdict === 'whole');
}

/**
 * Whether waiting for a file that does not go along is in vain: the workload has ended by itself, or the file is still and
 * does not go along all the same. Weights that are held open may be a save under way for longer, or one that a kill cut off.
 */
function neverGoesAlong(file: FileSeen, facts: InspectionFacts): boolean {
  // The files of a set that was being rewritten stay together as they were before.
  if (facts.ended?.clean === true) return !maybeCutOffAtStop(file, facts);
  if (!hasSettled(file, facts)) return false;
  return !isWeightsName(file.path) || !maySaveOn(file, facts);
}

/**
 * A kill closes what was open, and leaves it as still as if it were whole: after one, a file must have been seen closed
 * before, or be older than any save takes. The end is known a moment after it came.
 */
function maybeOpenAtKill(file: FileSeen, { ended, sightings, settleMs, writers }: InspectionFacts): boolean {
  if (ended === null || ended.clean || writers === null) return false;
  const isOld = file.mtimeMs <= ended.atMs - settleMs * PATIENCE.stepped;
  const seen = sightings.get(file.path)?.closed ?? null;
  const wasClosed = seen?.fingerprint === fingerprintOf(file) && seen.atMs <= ended.atMs - settleMs / 4;
  return !isOld && !wasClosed;
}

/**
 * Whether a file of the best model so far may be a piece: a handler that saves and ends the program interrupts whatever was
 * being written. The version before serves as well, unlike that of a file that has to fit to the save of the handler.
 */
function maybeCutOffAtStop(file: FileSeen, { ended, sightings, settleMs, writers }: InspectionFacts): boolean {
  if (ended?.clean !== true || ended.asked !== true || writers === null || !isBestName(file.path)) return false;
  const isOld = file.mtimeMs <= ended.atMs - settleMs * PATIENCE.stepped;
  return !isOld && sightings.get(file.path)?.closed?.fingerprint !== fingerprintOf(file);
}

function evidenceOf(candidate: Candidate, facts: InspectionFacts, proofs: ReadonlySet<string>): string {
  const stillness =
    facts.ended === null
      ? `still for ${facts.settleMs} ms`
      : facts.ended.clean
        ? 'the workload had ended'
        : 'still before the kill';
  const allSettled = facts.ended?.clean === true || candidate.files.every((file) => hasSettled(file, facts));
  const parts = [
    ...(candidate.marker === null ? [] : [candidate.marker.evidence]),
    ...(allSettled ? [stillness] : []),
    ...proofs,
    ...(facts.writers === null ? [] : ['no open writer']),
  ];
  return parts.join(', ');
}
