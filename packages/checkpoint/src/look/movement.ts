import { assertNever } from '@runctl/core';
import type { Candidate, FileSeen, WorkloadEnd } from '../contract/recogniser.ts';
import { type MovementSigns, rulingOn } from './movement-rules.ts';
import { isSideFile } from './names.ts';
import { isSavedAlone, isStill, maybeSavedAlone, type Sightings } from './sightings.ts';
import { isNumbered, missingFrom, type Shape, shapeOf } from './shape.ts';

/**
 * The facts by which a candidate's movement is judged: how its files, and those beside it, have changed from look to
 * look. None of them takes opening a file.
 */
export interface MovementFacts {
  readonly sightings: Sightings;
  /** Monotonic. */
  readonly nowMs: number;
  readonly settleMs: number;
  readonly ended: WorkloadEnd | null;
  /** How many files of each name the last published checkpoint had, see `shapeOf`; null before the first. */
  readonly expectedShape: Shape | null;
  /** The same of the last one with numbers in its names; null before the first. */
  readonly numberedShape?: Shape | null;
  /** As `expectedShape`, by saves that were never published but followed by later ones (see `Succession`). */
  readonly succeededShape?: Shape | null;
  /** What a candidate has no more of what it had while it was the newest (see `Succession`). */
  readonly lostBy?: (candidate: Candidate) => string | null;
  /** Whether a file is rewritten again and again (see `Unrest`); default: none is. */
  readonly isRestless?: (path: string) => boolean;
  /**
   * Paths that appeared between two passes and have not changed since they were seen closed, so that their content is
   * of one save. Empty once the script has rewritten a file that was published.
   */
  readonly arrived: Pick<ReadonlySet<string>, 'has'>;
  /** All candidates of this look; default: the judged one alone. */
  readonly candidates?: readonly Candidate[];
}

/**
 * A candidate that lacks files of earlier checkpoints is taken for a new layout once it has been still for this many
 * settling times. `stepped`: its name has a step. `remains`: it has none while earlier ones had, so that it may be all that
 * a script leaves which deletes its last save before it writes the next.
 */
export const PATIENCE = { stepped: 30, stepless: 5, remains: 450 };

/** Why a candidate can't be complete, for people, judged by its movement alone; null when it is worth opening. */
export function movementOf(candidate: Candidate, facts: MovementFacts): string | null {
  const signs = new SignsOf(candidate, facts);
  const first = signs.movingFiles[0]?.path ?? '';
  const ruling = rulingOn(signs);
  switch (ruling) {
    case 'open':
      return null;
    case 'doubtful':
      return facts.ended === null ? signs.doubt : `${signs.doubt}, and the workload was killed`;
    case 'moving':
      return `${first} is still changing, or has not been still for ${facts.settleMs} ms`;
    case 'lacking':
      if (signs.lost !== null) return `${signs.lost}, which it had before, is there no more`;
      return `${signs.missing}, which earlier checkpoints had, is not there yet`;
    case 'lacking at the kill':
      if (signs.lost !== null) return `${signs.lost}, which it had before, was there no more at the kill`;
      return `${signs.missing}, which earlier checkpoints had, is missing, and the workload was killed`;
    case 'cut off':
      return `${first} was written less than ${facts.settleMs} ms before the workload was killed, so other files may be missing or older`;
    default:
      return assertNever(ruling);
  }
}

/**
 * The shape that a candidate should have. A checkpoint without any number in its names, such as `best.pt` alone, tells
 * nothing of what a save of one step has.
 */
function shapeExpectedOf(
  { files, step }: Candidate,
  { expectedShape, numberedShape = null }: MovementFacts,
): Shape | null {
  if (expectedShape === null || step === null || isNumbered(expectedShape) || !isNumbered(shapeOf(files)))
    return expectedShape;
  return numberedShape;
}

/** Derives the signs from the facts, most of them only when a rule asks for them. */
class SignsOf implements MovementSigns {
  readonly #candidate: Candidate;
  readonly #facts: MovementFacts;
  readonly #isShapeKnown: boolean;
  readonly movingFiles: readonly FileSeen[];
  readonly missing: string | null;
  readonly lost: string | null;
  /** Why more files may still come; null when there is no such doubt, or it is settled. */
  readonly doubt: string | null;

  constructor(candidate: Candidate, facts: MovementFacts) {
    this.#candidate = candidate;
    this.#facts = facts;
    this.movingFiles = candidate.files.filter((file) => !hasSettled(file, facts));
    const expected = shapeExpectedOf(candidate, facts);
    this.#isShapeKnown = expected !== null;
    this.missing = missingFrom(shapeOf(candidate.files), expected);
    this.lost = facts.lostBy?.(candidate) ?? null;
    this.doubt = openDoubt(candidate, facts, this.#isShapeKnown && this.missing === null);
  }

  get end(): MovementSigns['end'] {
    const { ended } = this.#facts;
    if (ended === null) return 'running';
    return ended.clean ? 'clean' : 'killed';
  }

  get doubtful(): boolean {
    return this.doubt !== null;
  }

  get moving(): MovementSigns['moving'] {
    const { length } = this.movingFiles;
    return length === 0 ? 'none' : length === 1 ? 'one' : 'several';
  }

  get lacking(): boolean {
    return this.missing !== null || this.lost !== null;
  }

  get longStill(): boolean {
    const { numberedShape = null, settleMs } = this.#facts;
    const kind = this.#candidate.step !== null ? 'stepped' : numberedShape === null ? 'stepless' : 'remains';
    return isStillForMs(this.#candidate, this.#facts, settleMs * PATIENCE[kind]);
  }

  get arrived(): boolean {
    return hasArrived(this.#candidate, this.#facts);
  }

  get maybeAlone(): boolean {
    const [first] = this.movingFiles;
    return first !== undefined && maybeSavedAlone(this.#facts.sightings, this.#candidate, first);
  }

  get alone(): boolean {
    const [first] = this.movingFiles;
    return first !== undefined && isSavedAlone(this.#facts.sightings, this.#candidate, first);
  }

  get steppedLikeBefore(): boolean {
    return this.#candidate.step !== null && this.#isShapeKnown && !this.lacking;
  }

  get oneFile(): boolean {
    const [only, another] = this.#candidate.files;
    if (only === undefined || another !== undefined) return false;
    return this.wholeInOneFile || (!only.path.includes('/') && this.#isKindKnown);
  }

  /**
   * Whether earlier saves show that a candidate of one file needs no second one. In a run without a checkpoint the file may
   * be the first of a set, with a step in its name (`model_5.pt`, then `optimizer_5.pt`) or without. Leaving it out costs
   * one save; taking a part for the whole costs the run.
   */
  get #isKindKnown(): boolean {
    return this.#isShapeKnown || hasPredecessor(this.#candidate, this.#facts);
  }

  get wholeInOneFile(): boolean {
    return this.#candidate.wholeInOneFile === true;
  }

  get marked(): boolean {
    return this.#candidate.marker?.complete === true;
  }
}

/** Whether a candidate of another step is one file of the same name too, and had settled when the workload ended. */
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

/**
 * Whether a candidate with a step has exactly the files that the checkpoint before had, all of them new and of one
 * save (`MovementFacts.arrived`). Its companions, but for logs and the like, must be still, or it would be published
 * twice.
 */
export function hasArrived(candidate: Candidate, facts: MovementFacts): boolean {
  const { files, step, companions } = candidate;
  const { arrived, succeededShape = null } = facts;
  const expected = shapeExpectedOf(candidate, facts) ?? succeededShape;
  if (step === null || expected === null || !files.every(({ path }) => arrived.has(path))) return false;
  if (companions.some((file) => !isSideFile(file.path) && !hasSettled(file, facts))) return false;
  const shape = shapeOf(files);
  return shape.size === expected.size && Array.from(shape).every(([name, many]) => expected.get(name) === many);
}

/** Whether the file has been still for the settling time, until now or until the workload ended. */
export function hasSettled(file: FileSeen, facts: MovementFacts): boolean {
  return facts.ended === null
    ? isStill(facts.sightings, file, facts)
    : file.mtimeMs <= facts.ended.atMs - facts.settleMs;
}

/** The recogniser's doubt that all files are there; null when it has none, or their names or stillness settle it. */
function openDoubt({ doubt, ...candidate }: Candidate, facts: MovementFacts, isLikeBefore: boolean): string | null {
  if (doubt === undefined || (doubt.shapeSettles && isLikeBefore)) return null;
  if (facts.ended !== null) return doubt.why;
  return isStillForMs(candidate, facts, doubt.stillMs) ? null : doubt.why;
}

function isStillForMs(candidate: Candidate, facts: MovementFacts, settleMs: number): boolean {
  const at = { nowMs: facts.nowMs, settleMs };
  return candidate.files.every((file) => isStill(facts.sightings, file, at));
}
