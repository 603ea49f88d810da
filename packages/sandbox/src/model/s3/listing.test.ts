import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { listingOrder, KeyIndex } from './key-index.ts';
import { listPage, listedName, type ListingItem } from './listing.ts';

const byBytes = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));
const keys = fc.uniqueArray(
  fc
    .array(fc.constantFrom('a', 'b', '/', '-', 'é', '\u{FFFD}', '🚀'), { minLength: 1, maxLength: 6 })
    .map((parts) => parts.join('')),
  { maxLength: 40 },
);

function indexOf(names: Iterable<string>): KeyIndex {
  const index = new KeyIndex();
  for (const name of names) index.add(name);
  return index;
}

/** What a listing must say, worked out the slow way. */
function expected(names: readonly string[], prefix: string, delimiter: string): string[] {
  const rolled = names
    .filter((name) => name.startsWith(prefix))
    .map((name) => {
      const end = delimiter === '' ? -1 : name.indexOf(delimiter, prefix.length);
      return end < 0 ? `key ${name}` : `prefix ${name.slice(0, end + delimiter.length)}`;
    });
  return [...new Set(rolled)].sort((a, b) => byBytes(a.replace(/^\w+ /, ''), b.replace(/^\w+ /, '')));
}

const label = (item: ListingItem) => `${item.kind} ${listedName(item)}`;

describe('listing', () => {
  it('orders keys by their UTF-8 bytes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), (a, b) => {
        expect(Math.sign(listingOrder(a, b))).toBe(Math.sign(byBytes(a, b)));
      }),
    );
  });

  it('shows every name once, in order, whatever the size of its pages', () => {
    fc.assert(
      fc.property(
        keys,
        fc.constantFrom('', 'a', 'a/', '/', 'é'),
        fc.constantFrom('', '/', 'b', '//'),
        fc.integer({ min: 1, max: 7 }),
        (names, prefix, delimiter, limit) => {
          const index = indexOf(names);
          const seen: string[] = [];
          let after: string | undefined = '';
          while (after !== undefined) {
            const page = listPage(index, { prefix, delimiter, after, limit }, () => true);
            expect(page.items.length).toBeLessThanOrEqual(limit);
            seen.push(...page.items.map(label));
            after = page.next;
          }
          expect(seen).toEqual(expected(names, prefix, delimiter));
        },
      ),
      { numRuns: 500 },
    );
  });

  it('skips keys that do not count, and prefixes below which none does', () => {
    const index = indexOf(['a/1', 'a/2', 'b/1', 'c']);
    const page = listPage(
      index,
      { prefix: '', delimiter: '/', after: '', limit: 10 },
      (key) => !key.startsWith('a/') && key !== 'c',
    );
    expect(page.items.map(label)).toEqual(['prefix b/']);
  });

  it('keeps its order while keys come and go', () => {
    fc.assert(
      fc.property(keys, fc.infiniteStream(fc.boolean()), (names, removals) => {
        const index = new KeyIndex();
        const model = new Set<string>();
        for (const name of names) {
          index.add(name);
          model.add(name);
          expect(index.at(0)).toBe([...model].sort(byBytes)[0]);
          if (removals.next().value) {
            index.remove(name);
            model.delete(name);
          }
        }
        expect(Array.from({ length: index.size }, (_, n) => index.at(n))).toEqual([...model].sort(byBytes));
      }),
    );
  });
});
