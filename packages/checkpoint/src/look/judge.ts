import { isPlainKind } from '../formats/file-kinds.ts';
import { isSideFile, stepInName, topEntryOf } from './names.ts';
import { isSavedAlone, isStill, maybeSavedAlone, type Observations } from './observations.ts';
import type { Candidate, FileSeen, WorkloadEnd } from '../contract/recogniser.ts';
import { fingerprintOf } from './scan.ts';
import type { StructureFinding } from '../formats/structure.ts';

/** By path: how a file looked when nobody had it open for writing, and when that was known first (wall clock). */
export type SeenClosed = ReadonlyMap<string, { readonly fingerprint: string; readonly atMs: number }>;

/** How many files bear each name once numbers are taken out of it. */
export type Shape = ReadonlyMap<string, number>;

/** What is known about a candidate's surroundings without opening its files. */
export interface MovementFacts {
  readonly observations: Observations;
  readonly seenClosed: SeenClosed;
  /** Monotonic. */
  readonly nowMs: number;
  readonly settleMs: number;
  readonly ended: WorkloadEnd | null;
  /** Names that the last published checkpoint had, see `shapeOf`; null before the first. */
  readonly expectedShape: Shape | null;
  /**
   * Paths of files that came under the eyes of whoever looks and have never changed after they were seen closed: what they
   * hold is of one save. Empty for a script that is known to write to its files again.
   */
  readonly arrived: ReadonlySet<string>;
  /** All candidates of the look; default: none beside the one in question. */
  readonly candidates?: readonly Candidate[];
}

export interface InspectionFacts extends MovementFacts {
  /** By path; of every file of the candidate and of those companions that can be read. */
  readonly structures: ReadonlyMap<string, StructureFinding>;
  /** Inodes that a process has open for writing; null where that can't be known. */
  readonly writers: ReadonlySet<string> | null;
}

export type Verdict =
  | { readonly complete: true; readonly evidence: string; readonly companions: readonly FileSeen[] }
  | ({ readonly complete: false } & Incomplete);

/** Why a candidate does not count, and whether only waiting can change that. */
export interface Incomplete {
  readonly why: string;
  readonly settling: boolean;
  /** Only whoever saved it can change that, and must be told: no bucket can hold it, or this process may not read it. */
  readonly told?: true;
}

/** For this many settling times a file that earlier checkpoints had may be missing, then their layout has changed. */
const PATIENCE = { stepped: 30, stepless: 5 };

/**
 * Why a candidate can't be complete as far as movement tells, or null when it is worth opening. While the workload runs
 * its files must be still, unless structure can prove it: of one file that is saved alone, and of new files that are as
 * many and of the same names as those of the checkpoint before. After a clean end nothing
 * moves any more. After a kill a file that was written just before must be proven by structure, and in a set of files
 * that is overwritten in place even that proves nothing: the kill may have come between two of them.
 */
export function movementOf(candidate: Candidate, facts: MovementFacts): string | null {
  const moving = candidate.files.filter((file) => !hasSettled(file, facts));
  const [first] = moving;
  const missing = missingFrom(candidate, facts.expectedShape);
  if (facts.ended?.clean === true) return null;
  const doubt = openDoubt(candidate, facts, missing);
  if (doubt !== null) return doubt;
  if (facts.ended === null) {
    if (first !== undefined) {
      const mayCount =
        hasArrived(candidate, facts) || (moving.length === 1 && maybeSavedAlone(facts.observations, candidate, first));
      return mayCount ? null : `${first.path} is still changing, or has not been still for ${facts.settleMs} ms`;
    }
    const patience = candidate.step === null ? PATIENCE.stepless : PATIENCE.stepped;
    return missing !== null && !isStillFor(candidate, facts, patience)
      ? `${missing}, which earlier checkpoints had, is not there yet`
      : null;
  }
  if (missing !== null) return `${missing}, which earlier checkpoints had, is missing, and the workload was killed`;
  if (first === undefined) return null;
  if (candidate.step !== null && facts.expectedShape !== null) return null;
  if (candidate.files.length === 1 && isOneFile(candidate, first, facts)) return null;
  // The framework's own sign says that no file is missing.
  if (candidate.marker?.complete === true) return null;
  return moving.length > 1 || !isSavedAlone(facts.observations, candidate, first)
    ? `${first.path} was written less than ${facts.settleMs} ms before the workload was killed, so other files may be missing or older`
    : null;
}

/**
 * Whether nothing can be missing beside the only file. In a run that has no checkpoint yet it may be the first of a set,
 * with a step in its name (`model_5.pt`, then `optimizer_5.pt`) or without: to leave it costs one save, to take a part
 * for the whole costs the run.
 */
function isOneFile(candidate: Candidate, { path }: FileSeen, facts: MovementFacts): boolean {
  if (candidate.wholeInOneFile === true) return true;
  return !path.includes('/') && (facts.expectedShape !== null || hasPredecessor(candidate, facts));
}

/** Whether another step lies there that is one file of the same name too, and was long still when the workload ended. */
function hasPredecessor(candidate: Candidate, facts: MovementFacts): boolean {
  const [name] = shapeOf(candidate.files).keys();
  return (facts.candidates ?? []).some(
    ({ files, step }) =>
      step !== null &&
      step !== candidate.step &&
      files.length === 1 &&
      files.every((file) => hasSettled(file, facts)) &&
      shapeOf(files).has(name ?? ''),
  );
}

/** The verdict on a candidate that `movementOf` let through and whose files are held open. */
export function judge(candidate: Candidate, facts: InspectionFacts): Verdict {
  const incomplete = (why: string, settling: boolean): Verdict => ({ complete: false, why, settling });
  if (candidate.marker?.complete === false) return incomplete(candidate.marker.evidence, facts.ended === null);
  const proofs = new Set<string>();
  const arrived = hasArrived(candidate, facts);
  for (const file of candidate.files) {
    const finding = facts.structures.get(file.path) ?? { verdict: 'unknown', evidence: 'not inspected' };
    if (finding.verdict === 'torn') return incomplete(`${file.path}: ${finding.evidence}`, false);
    if (facts.writers?.has(file.inode)) return incomplete(`${file.path} is open for writing`, true);
    const settled = facts.ended?.clean === true || hasSettled(file, facts);
    const proven = finding.verdict === 'whole' || candidate.marker?.complete === true;
    if (!proven && maybeOpenAtKill(file, facts))
      return incomplete(`${file.path} may have been open for writing when the workload was killed`, false);
    if (!settled && !proven)
      return incomplete(`${file.path} was written too recently, and its ${finding.evidence}`, facts.ended === null);
    if (!settled && facts.ended === null && facts.writers === null)
      return incomplete(`${file.path} is not still, and who writes to it can't be known here`, true);
    const savedAlone = arrived || isSavedAlone(facts.observations, candidate, file);
    if (!settled && facts.ended === null && !savedAlone)
      return incomplete(`${file.path} is not still, and whether others are saved with it is not known yet`, true);
    if (finding.verdict === 'whole') proofs.add(finding.evidence);
    if (!settled) proofs.add(proofInMotion(facts, arrived));
  }
  const companions = candidate.companions.filter((file) => goesAlong(file, facts));
  return { complete: true, evidence: evidenceOf(candidate, facts, proofs), companions };
}

function proofInMotion({ ended }: InspectionFacts, arrived: boolean): string {
  if (ended !== null) return 'whole in spite of the kill';
  return arrived ? 'all that the checkpoint before had' : 'saved alone';
}

/**
 * Whether everything that the checkpoint before had is there, and nothing else, and all of it came with this save. What goes
 * along must be still, or the checkpoint would be made durable twice.
 */
function hasArrived({ files, step, companions }: Candidate, facts: MovementFacts): boolean {
  const { arrived, expectedShape } = facts;
  if (step === null || expectedShape === null || !files.every(({ path }) => arrived.has(path))) return false;
  if (companions.some((file) => !isSideFile(file.path) && !hasSettled(file, facts))) return false;
  const shape = shapeOf(files);
  return (
    shape.size === expectedShape.size && Array.from(shape).every(([name, many]) => expectedShape.get(name) === many)
  );
}

function goesAlong(file: FileSeen, facts: InspectionFacts): boolean {
  const verdict = facts.structures.get(file.path)?.verdict;
  if (verdict === undefined || verdict === 'torn' || facts.writers?.has(file.inode)) return false;
  if (verdict !== 'whole' && maybeOpenAtKill(file, facts)) return false;
  return facts.ended?.clean === true || hasSettled(file, facts) || (facts.ended !== null && verdict === 'whole');
}

/**
 * A kill closes what was open, and leaves it as still as if it were whole: after one, a file must have been seen closed
 * before, or be older than any save takes. The end is known a moment after it came.
 */
function maybeOpenAtKill(file: FileSeen, { ended, seenClosed, settleMs, writers }: InspectionFacts): boolean {
  if (ended === null || ended.clean || writers === null) return false;
  const isOld = file.mtimeMs <= ended.atMs - settleMs * PATIENCE.stepped;
  const seen = seenClosed.get(file.path);
  const wasClosed = seen?.fingerprint === fingerprintOf(file) && seen.atMs <= ended.atMs - settleMs / 4;
  return !isOld && !wasClosed;
}

function hasSettled(file: FileSeen, facts: MovementFacts): boolean {
  return facts.ended === null
    ? isStill(facts.observations, file, facts)
    : file.mtimeMs <= facts.ended.atMs - facts.settleMs;
}

/** Why files may still be coming, or null when nothing makes that likely (any more). */
function openDoubt({ doubt, ...candidate }: Candidate, facts: MovementFacts, missing: string | null): string | null {
  if (doubt === undefined || (doubt.shapeSettles && facts.expectedShape !== null && missing === null)) return null;
  if (facts.ended !== null) return `${doubt.why}, and the workload was killed`;
  return isStillForMs(candidate, facts, doubt.stillMs) ? null : doubt.why;
}

function isStillFor(candidate: Candidate, facts: MovementFacts, times: number): boolean {
  return isStillForMs(candidate, facts, facts.settleMs * times);
}

function isStillForMs(candidate: Candidate, facts: MovementFacts, settleMs: number): boolean {
  const at = { nowMs: facts.nowMs, settleMs };
  return candidate.files.every((file) => isStill(facts.observations, file, at));
}

/**
 * What `shapeOf` gave for a published checkpoint: a framework's folder or file is the checkpoint, of other sets the files that
 * bear a step, or all where none does.
 */
export function shapeOfPublished(published: {
  readonly recogniser: string;
  readonly entry: string;
  readonly files: readonly Pick<FileSeen, 'path'>[];
}): Shape {
  const files = published.files.filter(({ path }) => !isSideFile(path));
  const inEntry = files.filter(({ path }) => path === published.entry || path.startsWith(`${published.entry}/`));
  if (!isPlainKind(published.recogniser) && inEntry.length > 0) return shapeOf(inEntry);
  const stepped = files.filter(({ path }) => stepInName(topEntryOf(path)) !== null);
  return shapeOf(stepped.length > 0 ? stepped : files);
}

/** The names of a checkpoint's files with numbers taken out, so that those of two steps can be compared. */
export function shapeOf(files: readonly Pick<FileSeen, 'path'>[]): Shape {
  const names = Map.groupBy(files, ({ path }) => path.replace(/\d+/g, '#'));
  return new Map(Array.from(names, ([name, { length }]) => [name, length]));
}

function missingFrom(candidate: Candidate, expected: Shape | null): string | null {
  const present = shapeOf(candidate.files);
  for (const [name, many] of expected ?? []) {
    const lacking = many - (present.get(name) ?? 0);
    if (lacking > 0) return many === 1 ? name : `${lacking} of ${many} ${name}`;
  }
  return null;
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
