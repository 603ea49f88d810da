import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Wildcard } from './wildcard.ts';

/** The meaning of a pattern, spelled out without any cleverness; slow, so only for short ones. */
function means(pattern: readonly string[], text: string): boolean {
  const [first, ...rest] = pattern;
  if (first === undefined) return text === '';
  if (first === '*') return means(rest, text) || (text !== '' && means(pattern, text.slice(1)));
  return text !== '' && (first === '?' || first === text[0]) && means(rest, text.slice(1));
}

describe('a pattern', () => {
  test('matches what its stars and question marks mean', () => {
    const letters = fc.array(fc.constantFrom('a', 'b', '*', '?'), { maxLength: 7 });
    const text = fc.array(fc.constantFrom('a', 'b', '.'), { maxLength: 8 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(letters, text, (pattern, value) => {
        expect(new Wildcard(pattern.join('')).matches(value)).toBe(means(pattern, value));
      }),
      { numRuns: 500 },
    );
  });

  test.each([
    [String.raw`a\*b`, 'a*b', true],
    [String.raw`a\*b`, 'aXb', false],
    [String.raw`a\?`, 'a?', true],
    [String.raw`a\\`, String.raw`a\ `.trim(), true],
    ['(a+)+$', '(a+)+$', true],
    ['*', 'line\nbreak', true],
    ['', '', true],
    ['', 'x', false],
  ])('%j on %j gives %s', (pattern, value, expected) => {
    expect(new Wildcard(pattern).matches(value)).toBe(expected);
  });
});
