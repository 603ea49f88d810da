import { XMLParser } from 'fast-xml-parser';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { Parameters } from './query-parameters.ts';
import { element } from './query-xml.ts';

test('any text survives a parser of XML, control characters aside', () => {
  const parser = new XMLParser({ parseTagValue: false, trimValues: false, processEntities: true, htmlEntities: true });
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), (text) => {
      // oxlint-disable-next-line no-control-regex -- XML 1.0 has no place for them
      const kept = text.replaceAll(/[\u0000-\u0008\u000B\u000C\u000E-\u001F]/g, '');
      fc.pre(kept !== '');
      expect((parser.parse(element('a', text)) as { a: string }).a).toBe(kept);
    }),
  );
});

test('lists become items, and what is absent leaves no trace', () => {
  const made = element('set', [{ id: 1, at: new Date(0), none: null, nothing: undefined, yes: true }, 'x', []]);
  expect(made).toBe(
    '<set><item><id>1</id><at>1970-01-01T00:00:00.000Z</at><yes>true</yes></item><item>x</item><item></item></set>',
  );
});

test('the query protocol keeps lists in the order of their numbers', () => {
  const parameters = Parameters.parse(
    new URLSearchParams({ 'A.10': 'k', 'A.2': 'b', 'A.1': 'a', 'B.1.C.1.D': 'deep', 'B.1.E': 'x' }),
  );
  expect(parameters.texts('A')).toEqual(['a', 'b', 'k']);
  expect(parameters.structures('B')[0]?.structures('C')[0]?.text('D')).toBe('deep');
  expect(parameters.toPlain()).toEqual({ A: ['a', 'b', 'k'], B: [{ C: [{ D: 'deep' }], E: 'x' }] });
});
