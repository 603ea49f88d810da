/** Finds the step of a line by a pattern of the user's own; null where it does not match a whole number. */
export type StepPattern = (line: string) => number | null;

/** A pattern sees so much of a line: what it costs stays small, whatever the script prints. */
const SEEN_CHARACTERS = 256;
const LONGEST_PATTERN = 200;

/**
 * Why a text can't be a step pattern, completing "takes …"; null when it can. A pattern is a regular expression with one
 * group, around the step. It repeats no group and refers back to none, so that no line can take it for ever.
 */
export function stepPatternProblem(text: string): string | null {
  const bare = text.replaceAll(/\\./gs, '_').replaceAll(/\[[^\]]*\]/g, '_');
  if (text.length > LONGEST_PATTERN) return `at most ${LONGEST_PATTERN} characters`;
  if (/\\(?:[1-9]|k<)/.test(text)) return 'no reference to a group';
  if (/\(\?(?!:)/.test(bare)) return 'one plain group around the step; (?: … ) for others';
  if (/\)[*+?{]/.test(bare)) return 'no repetition of a group';
  if (compiled(text) === null) return 'a regular expression';
  if (bare.replaceAll('(?:', '').split('(').length !== 2) return 'one group around the step, such as "it (\\d+)/"';
  return null;
}

/** Errors: none; a pattern that `stepPatternProblem` refuses matches nothing. */
export function stepPattern(text: string): StepPattern {
  const pattern = stepPatternProblem(text) === null ? compiled(text) : null;
  return (line) => {
    const digits = pattern?.exec(line.slice(0, SEEN_CHARACTERS))?.[1]?.replaceAll(/[,_]/g, '');
    if (digits === undefined || !/^\d+$/.test(digits)) return null;
    const step = Number(digits);
    return Number.isSafeInteger(step) ? step : null;
  };
}

function compiled(text: string): RegExp | null {
  try {
    return new RegExp(text);
  } catch {
    return null; // Not a regular expression.
  }
}
