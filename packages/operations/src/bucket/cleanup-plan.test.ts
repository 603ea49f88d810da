import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { itemsOf, planCleanup } from './cleanup-plan.ts';

const item = fc.record({
  name: fc.constantFrom('a.pt', 'b.pt', 'c/', 'd.txt', 'e.pt', 'f/').map(String),
  keys: fc.constant(['k']),
  sizeBytes: fc.nat(9),
  newestMs: fc.nat(100),
});
const items = fc.uniqueArray(item, { selector: ({ name }) => name });
const policy = fc.record({
  keepLast: fc.option(fc.nat(4), { nil: null }),
  olderThanMs: fc.option(fc.nat(100), { nil: null }),
});

test('a cleanup keeps the newest, all that are young, and whatever does not fit', () => {
  fc.assert(
    fc.property(items, policy, (items, { keepLast, olderThanMs }) => {
      const fits = (name: string) => !name.endsWith('.txt');
      const decisions = planCleanup(items, { keepLast, olderThanMs, fits }, 100);
      const doomed = decisions.filter(({ keep }) => !keep).map((decision) => decision.item);
      expect(decisions.map((decision) => decision.item.name)).not.toContain('d.txt');
      const kept = decisions.filter(({ keep }) => keep).map((decision) => decision.item);
      expect(kept.length).toBeGreaterThanOrEqual(Math.min(keepLast ?? 0, decisions.length));
      for (const gone of doomed) {
        if (olderThanMs !== null) expect(100 - gone.newestMs).toBeGreaterThan(olderThanMs);
        expect(kept.filter((other) => other.newestMs >= gone.newestMs).length).toBeGreaterThanOrEqual(keepLast ?? 0);
      }
    }),
  );
});

test('a folder counts as one, with the time of its newest object', () => {
  const at = (key: string, lastModifiedMs: number) => ({ key, lastModifiedMs, sizeBytes: 2, etag: 'e' });
  expect(itemsOf([at('p/a', 1), at('p/step-1/x', 5), at('p/step-1/deep/y', 3)], 'p/')).toEqual([
    { name: 'a', keys: ['p/a'], sizeBytes: 2, newestMs: 1 },
    { name: 'step-1/', keys: ['p/step-1/x', 'p/step-1/deep/y'], sizeBytes: 4, newestMs: 5 },
  ]);
});
