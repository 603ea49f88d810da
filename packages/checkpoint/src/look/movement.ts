import { assertNever } from '@runctl/core';
import type { Candidate, FileSeen, WorkloadEnd } from '../contract/recogniser.ts';
import { isSideFile } from './names.ts';
import { isSavedAlone, isStill, maybeSavedAlone, type Sightings } from './sightings.ts';
import { missingFrom, type Shape, shapeOf } from './shape.ts';

/** What is known about a candidate's surroundings without opening its files. */
export interface MovementFacts {
  readonly sightings: Sightings;
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
  readonly arrived: Pick<ReadonlySet<string>, 'has'>;
  /** All candidates of the look; default: none beside the one in question. */
  readonly candidates?: readonly Candidate[];
}

/** For this many settling times a file that earlier checkpoints had may be missing, then their layout has changed. */
export const PATIENCE = { stepped: 30, stepless: 5 };

/** What movement tells about a candidate: all that `movementRules` look at. */
export interface MovementSigns {
  readonly end: 'running' | 'clean' | 'killed';
  /** Something makes it likely that files are still to come. */
  readonly doubtful: boolean;
  /** How many of its files have not been still for the settling time; of an ended workload, before the end. */
  readonly moving: 'none' | 'one' | 'several';
  /** It lacks a file that earlier checkpoints had. */
  readonly lacking: boolean;
  /** It was still for so long that what it lacks does not come any more. */
  readonly longStill: boolean;
  /** All that the checkpoint before had came with this save, and nothing else (see `hasArrived`). */
  readonly arrived: boolean;
  /** Its only moving file is the last thing that changed, so that a look into it may prove that it is saved alone. */
  readonly maybeAlone: boolean;
  /** Each save rewrites its only moving file alone (see `isSavedAlone`). */
  readonly alone: boolean;
  /** Its name bears a step, and it has all files that earlier checkpoints had. */
  readonly steppedLikeBefore: boolean;
  /** It is one file, and nothing can be missing beside it. */
  readonly oneFile: boolean;
  /** A framework's own sign says that no file is missing. */
  readonly marked: boolean;
}

/** `open`: worth opening. The others say why a candidate can't be complete. */
export type MovementRuling = 'open' | 'doubtful' | 'moving' | 'lacking' | 'lacking at the kill' | 'cut off';

export interface MovementRule {
  readonly when: Partial<MovementSigns>;
  readonly ruling: MovementRuling;
}

/**
 * The first rule whose signs all hold decides. While the workload runs the files must be still, unless structure can
 * prove them: of one file that is saved alone, and of new files that are as many and of the same names as those of the
 * checkpoint before. After a clean end nothing moves any more. After a kill a file that was written just before must be
 * proven by structure, and in a set of files that is overwritten in place even that proves nothing: the kill may have
 * come between two of them.
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

/** Asks for no sign that no rule needs: some take a look at every file. */
export function rulingOn(signs: MovementSigns): MovementRuling {
  const holds = ({ when }: MovementRule): boolean =>
    (Object.keys(when) as (keyof MovementSigns)[]).every((sign) => when[sign] === signs[sign]);
  return movementRules.find(holds)?.ruling ?? 'cut off';
}

/** Why a candidate can't be complete as far as movement tells, or null when it is worth opening. */
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

class SignsOf implements MovementSigns {
  readonly #candidate: Candidate;
  readonly #facts: MovementFacts;
  readonly movingFiles: readonly FileSeen[];
  readonly missing: string | null;
  /** Why files may still be coming, or null when nothing makes that likely (any more). */
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

/**
 * Whether everything that the checkpoint before had is there, and nothing else, and all of it came with this save. What goes
 * along must be still, or the checkpoint would be made durable twice.
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

/** Whether it was still for the settling time: until now, or until the workload ended. */
export function hasSettled(file: FileSeen, facts: MovementFacts): boolean {
  return facts.ended === null
    ? isStill(facts.sightings, file, facts)
    : file.mtimeMs <= facts.ended.atMs - facts.settleMs;
}

/** Why files may still be coming, or null when nothing makes that likely (any more). */
function openDoubt({ doubt, ...candidate }: Candidate, facts: MovementFacts, missing: string | null): string | null {
  if (doubt === undefined || (doubt.shapeSettles && facts.expectedShape !== null && missing === null)) return null;
  if (facts.ended !== null) return doubt.why;
  return isStillForMs(candidate, facts, doubt.stillMs) ? null : doubt.why;
}

function isStillForMs(candidate: Candidate, facts: MovementFacts, settleMs: number): boolean {
  const at = { nowMs: facts.nowMs, settleMs };
  return candidate.files.every((file) => isStill(facts.sightings, file, at));
}
