import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Parameters } from '../../wire/query-parameters.ts';
import { filtered, paged, tagFilter } from './filters.ts';

const of = (fields: Record<string, string>) => Parameters.parse(new URLSearchParams(fields));

function matches(pattern: string, value: string): boolean {
  const parameters = of({ 'Filter.1.Name': 'name', 'Filter.1.Value.1': pattern });
  return filtered(parameters, [value], (item) => () => [item]).length === 1;
}

describe('a filter', () => {
  test.each([
    ['g5.*', 'g5.xlarge', true],
    ['g5.*', 'g50xlarge', false],
    ['c?i.large', 'c7i.large', true],
    ['c?i.large', 'c77i.large', false],
    ['a\\*b', 'a*b', true],
    ['a\\*b', 'aXb', false],
    ['(x)+', '(x)+', true],
    ['(x)+', 'xx', false],
  ])('%s on %s gives %s', (pattern, value, expected) => {
    expect(matches(pattern, value)).toBe(expected);
  });

  test('without wildcards matches exactly its own text', () => {
    const text = fc.string().map((value) => value.replaceAll(/[*?\\]/g, ''));
    fc.assert(
      fc.property(text, text, (pattern, value) => {
        expect(matches(pattern, value)).toBe(pattern === value);
      }),
    );
  });

  test('needs one of its values, and every filter has to match', () => {
    const items = [
      new Map([['a', '1']]),
      new Map([
        ['a', '2'],
        ['b', '1'],
      ]),
    ];
    const found = (fields: Record<string, string>) =>
      filtered(of(fields), items, (tags) => (name) => tagFilter(name, tags)).map((tags) => tags.get('a'));
    const either = { 'Filter.1.Name': 'tag:a', 'Filter.1.Value.1': '1', 'Filter.1.Value.2': '2' };
    expect(found(either)).toEqual(['1', '2']);
    expect(found({ ...either, 'Filter.2.Name': 'tag-key', 'Filter.2.Value.1': 'b' })).toEqual(['2']);
    expect(() => found({ 'Filter.1.Name': 'unheard-of', 'Filter.1.Value.1': 'x' })).toThrow(
      expect.objectContaining({ code: 'InvalidParameterValue' }),
    );
  });
});

test('pages together hold every item once, in order', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(), { maxLength: 60 }), fc.integer({ min: 5, max: 15 }), (items, size) => {
      const seen: number[] = [];
      let token: string | undefined;
      do {
        const page = paged(
          of({ MaxResults: String(size), ...(token === undefined ? {} : { NextToken: token }) }),
          items,
        );
        expect(page.items.length).toBeLessThanOrEqual(size);
        seen.push(...page.items);
        token = page.nextToken;
      } while (token !== undefined);
      expect(seen).toEqual(items);
    }),
  );
});

test('a foreign page token is refused', () => {
  expect(() => paged(of({ NextToken: 'abc' }), [])).toThrow(expect.objectContaining({ code: 'InvalidNextToken' }));
});
