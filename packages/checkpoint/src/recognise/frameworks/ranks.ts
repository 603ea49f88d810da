export interface RankNaming {
  /** Its first group is the rank, empty where there is only one. */
  readonly pattern: RegExp;
  readonly name: (rank: number) => string;
  /** Ranks there are at the least once one bears a number. */
  readonly atLeast: number;
}

/** The first rank's file that is missing below the highest there is. How many ranks there are nothing tells. */
export function missingRank(folder: string, names: readonly string[], naming: RankNaming): string | null {
  const ranks = names
    .map((name) => naming.pattern.exec(name)?.[1])
    .filter((rank) => rank !== undefined)
    .map(Number);
  if (ranks.length === 0) return null;
  const present = new Set(ranks);
  // Compared with how many there are, so that a hostile number costs nothing.
  const expected = Math.max(naming.atLeast, present.size);
  for (let rank = 0; rank < expected; rank++)
    if (!present.has(rank)) return `${folder === '' ? '' : `${folder}/`}${naming.name(rank)} is missing`;
  return null;
}
