/** One token of a pattern: a UTF-16 code unit, any text, or any one character. */
const ANY_TEXT = -1;
const ANY_CHARACTER = -2;

/**
 * A pattern as clients write them: `*` is any text, `?` one character, `\` takes the next character literally. A match
 * takes at most `length` × the text's length steps, whatever the pattern: clients choose both, and a regular expression
 * with nine stars takes hours.
 */
export class Wildcard {
  readonly #tokens: readonly number[];

  constructor(pattern: string) {
    this.#tokens = [...pattern.matchAll(/\\?[\s\S]/g)].map(([token]) => {
      if (token === '*') return ANY_TEXT;
      return token === '?' ? ANY_CHARACTER : token.charCodeAt(token.length - 1);
    });
  }

  /** Number of tokens. */
  get length(): number {
    return this.#tokens.length;
  }

  matches(text: string): boolean {
    const tokens = this.#tokens;
    let token = 0;
    let at = 0;
    // The last star is the only one that may still have to grow: what came before it has its shortest match.
    let afterStar = -1;
    let starEnd = 0;
    while (at < text.length) {
      const wanted = tokens[token];
      if (wanted === ANY_TEXT) {
        afterStar = ++token;
        starEnd = at;
      } else if (wanted === ANY_CHARACTER || wanted === text.charCodeAt(at)) {
        token++;
        at++;
      } else if (afterStar < 0) return false;
      else {
        token = afterStar;
        at = ++starEnd;
      }
    }
    while (tokens[token] === ANY_TEXT) token++;
    return token === tokens.length;
  }
}
