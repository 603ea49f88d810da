import { assertNever } from '@runctl/core';
import type { Candidate, FileSeen, WorkloadEnd } from '../contract/recogniser.ts';
import { isSideFile } from './names.ts';
import { isSavedAlone, isStill, maybeSavedAlone, type Sightings } from './sightings.ts';
import { missingFrom, type Shape, shapeOf } from './shape.ts';

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
 * settling times. `stepped`: its name has a step.
 */
export const PATIENCE = { stepped: 30, stepless: 5 };

/** The signs that `movementRules` judge a candidate by. */
export interface MovementSigns {
  readonly end: 'running' | 'clean' | 'killed';
  /** Its recogniser doubts that all of its files are there (see `Doubt`), and nothing has settled that yet. */
  readonly doubtful: boolean;
  /** How many of its files have not been still for the settling time, until now or until the workload ended. */
  readonly moving: 'none' | 'one' | 'several';
  /** It lacks a file that earlier checkpoints had. */
  readonly lacking: boolean;
  /** It has been still for so long (`PATIENCE`) that no missing file will come any more. */
  readonly longStill: boolean;
  /** It has exactly the files that the checkpoint before had, and all of them are new (see `hasArrived`). */
  readonly arrived: boolean;
  /** Its only moving file changed after all others: opening it may prove that it is saved alone. */
  readonly maybeAlone: boolean;
  /** Each save rewrites its only moving file alone (see `isSavedAlone`). */
  readonly alone: boolean;
  /** Its name has a step, and it has all files that earlier checkpoints had. */
  readonly steppedLikeBefore: boolean;
  /** It is one file, and no other can be missing (see `isOneFile`). */
  readonly oneFile: boolean;
  /** The framework's own marker says that no file is missing. */
  readonly marked: boolean;
}

/** `open`: the candidate is worth opening. The others say why it can't be complete; `movementOf` has their texts. */
export type MovementRuling = 'open' | 'doubtful' | 'moving' | 'lacking' | 'lacking at the kill' | 'cut off';

export interface MovementRule {
  readonly when: Partial<MovementSigns>;
  readonly ruling: MovementRuling;
}

/**
 * The first rule whose signs all hold decides. While the workload runs, the files must be still. There are two
 * exceptions, in which the structure of the files can prove them complete: one file that is saved alone, and new files
 * that match the checkpoint before in names and number. After a clean end nothing moves any more. After a kill,
 * structure must prove any file that was written just before. It proves nothing for a set of files that is overwritten
 * in place, since the kill may have come between two of them.
 */
export const movementRules: readonly MovementRule[] = [
  { when: { end: 'clean' }, ruling: 'open' },
  { when: { doubtful: true }, ruling: 'doubtful' },

  { when: { end: 'running', moving: 'none', lacking: false }, ruling: 'open' },
  { when: { end: 'running', moving: 'none', longStill: true }, ruling: 'open' },
  { when: { end: 'running', moving: 'none' }, ruling: 'lacking' },
  { when: { end: 'running', arrived: true }, ruling: 'open' },
  { when: { end: 'running', moving: 'one', maybeAlone: true }, ruling: 'open' },
  { when: { end: 'running' }, ruling: 'moving' },

  { when: { end: 'killed', lacking: true }, ruling: 'lacking at the kill' },
  { when: { end: 'killed', moving: 'none' }, ruling: 'open' },
  { when: { end: 'killed', steppedLikeBefore: true }, ruling: 'open' },
  { when: { end: 'killed', oneFile: true }, ruling: 'open' },
  { when: { end: 'killed', marked: true }, ruling: 'open' },
  { when: { end: 'killed', moving: 'one', alone: true }, ruling: 'open' },
  { when: { end: 'killed' }, ruling: 'cut off' },
];

/** The ruling of the first rule that holds. Reads only the signs that this takes, since some go through every file. */
export function rulingOn(signs: MovementSigns): MovementRuling {
  const holds = ({ when }: MovementRule): boolean =>
    (Object.keys(when) as (keyof MovementSigns)[]).every((sign) => when[sign] === signs[sign]);
  return movementRules.find(holds)?.ruling ?? 'cut off';
}

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
      return `${signs.missing}, which earlier checkpoints had, is not there yet`;
    case 'lacking at the kill':
      return `${signs.missing}, which earlier checkpoints had, is missing, and the workload was killed`;
    case 'cut off':
      return `${first} was written less than ${facts.settleMs} ms before the workload was killed, so other files may be missing or older`;
    default:
      return assertNever(ruling);
  }
}

/** Derives the signs from the facts, most of them only when a rule asks for them. */
class SignsOf implements MovementSigns {
  readonly #candidate: Candidate;
  readonly #facts: MovementFacts;
  readonly movingFiles: readonly FileSeen[];
  readonly missing: string | null;
  /** Why more files may still come; null when there is no such doubt, or it is settled. */
  readonly doubt: string | null;

  constructor(candidate: Candidate, facts: MovementFacts) {
    this.#candidate = candidate;
    this.#facts = facts;
    this.movingFiles = candidate.files.filter((file) => !hasSettled(file, facts));
    this.missing = missingFrom(shapeOf(candidate.files), facts.expectedShape);
    this.doubt = openDoubt(candidate, facts, this.missing);
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
    return this.missing !== null;
  }

  get longStill(): boolean {
    const times = this.#candidate.step === null ? PATIENCE.stepless : PATIENCE.stepped;
    return isStillForMs(this.#candidate, this.#facts, this.#facts.settleMs * times);
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
    return this.#candidate.step !== null && this.#facts.expectedShape !== null && !this.lacking;
  }

  get oneFile(): boolean {
    const [only, another] = this.#candidate.files;
    return only !== undefined && another === undefined && isOneFile(this.#candidate, only, this.#facts);
  }

  get marked(): boolean {
    return this.#candidate.marker?.complete === true;
  }
}

/**
 * Whether a candidate of one file needs no second one. In a run without a checkpoint the file may be the first of a
 * set, with a step in its name (`model_5.pt`, then `optimizer_5.pt`) or without. Leaving it out costs one save; taking
 * a part for the whole costs the run.
 */
function isOneFile(candidate: Candidate, { path }: FileSeen, facts: MovementFacts): boolean {
  if (candidate.wholeInOneFile === true) return true;
  return !path.includes('/') && (facts.expectedShape !== null || hasPredecessor(candidate, facts));
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
export function hasArrived({ files, step, companions }: Candidate, facts: MovementFacts): boolean {
  const { arrived, expectedShape } = facts;
  if (step === null || expectedShape === null || !files.every(({ path }) => arrived.has(path))) return false;
  if (companions.some((file) => !isSideFile(file.path) && !hasSettled(file, facts))) return false;
  const shape = shapeOf(files);
  return (
    shape.size === expectedShape.size && Array.from(shape).every(([name, many]) => expectedShape.get(name) === many)
  );
}

/** Whether the file has been still for the settling time, until now or until the workload ended. */
export function hasSettled(file: FileSeen, facts: MovementFacts): boolean {
  return facts.ended === null
    ? isStill(facts.sightings, file, facts)
    : file.mtimeMs <= facts.ended.atMs - facts.settleMs;
}

/** The recogniser's doubt that all files are there; null when it has none, or their names or stillness settle it. */
function openDoubt({ doubt, ...candidate }: Candidate, facts: MovementFacts, missing: string | null): string | null {
  if (doubt === undefined || (doubt.shapeSettles && facts.expectedShape !== null && missing === null)) return null;
  if (facts.ended !== null) return doubt.why;
  return isStillForMs(candidate, facts, doubt.stillMs) ? null : doubt.why;
}

function isStillForMs(candidate: Candidate, facts: MovementFacts, settleMs: number): boolean {
  const at = { nowMs: facts.nowMs, settleMs };
  return candidate.files.every((file) => isStill(facts.sightings, file, at));
}
