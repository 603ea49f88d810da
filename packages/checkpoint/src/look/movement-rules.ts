/** The signs that `movementRules` judge a candidate by. */
export interface MovementSigns {
  readonly end: 'running' | 'clean' | 'killed';
  /** Its recogniser doubts that all of its files are there (see `Doubt`), and nothing has settled that yet. */
  readonly doubtful: boolean;
  /** How many of its files have not been still for the settling time, until now or until the workload ended. */
  readonly moving: 'none' | 'one' | 'several';
  /** It lacks a file that earlier checkpoints had, or that it had itself while it was the newest. */
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
  /** It is one file, and no other can be missing (see `SignsOf`). */
  readonly oneFile: boolean;
  /** Its framework writes each checkpoint as one file. */
  readonly wholeInOneFile: boolean;
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
  { when: { end: 'running', moving: 'one', wholeInOneFile: true }, ruling: 'open' },
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
