import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Contender, isOvertaken, msToSecure, secureInOrder } from './urgency.ts';

const MB = 1e6;
const at = (timeLeftMs: number, mbPerSecond: number | null = 100) => ({
  timeLeftMs,
  bytesPerSecond: mbPerSecond === null ? null : mbPerSecond * MB,
});
const ready = (id: string, mbLeft: number): Contender => ({ id, bytesLeft: mbLeft * MB, ready: true });
const written = (id: string, mbLeft: number): Contender => ({ id, bytesLeft: mbLeft * MB, ready: false });

test('the newest that can make it goes first, and older ones are given up', () => {
  expect(secureInOrder([ready('newest', 5000), ready('older', 10)], at(100_000))).toEqual(['newest']);
});

test('where the newest can not make it, the one that can is secured first, and the newest tried after it', () => {
  expect(secureInOrder([ready('newest', 50_000), ready('older', 1000)], at(100_000))).toEqual(['older', 'newest']);
});

test('parts that are there already count: a large checkpoint that is nearly there can make it', () => {
  expect(secureInOrder([ready('newest', 100), ready('older', 50)], at(5000))).toEqual(['newest']);
});

test('where none can make it, the one with the least left is tried first', () => {
  expect(secureInOrder([ready('newest', 9000), ready('older', 8000)], at(10_000))).toEqual(['older', 'newest']);
});

test('while the newest is being written the network is used for an older one, if both make it', () => {
  expect(secureInOrder([written('newest', 2000), ready('older', 1000)], at(100_000))).toEqual(['older', 'newest']);
  expect(secureInOrder([written('newest', 8000), ready('older', 1000)], at(100_000))).toEqual(['newest']);
  expect(secureInOrder([written('newest', 50_000), ready('older', 1000)], at(100_000))).toEqual(['older', 'newest']);
});

test('before anything was measured it takes what any machine has', () => {
  expect(secureInOrder([ready('newest', 1000), ready('older', 10)], at(60_000, null))).toEqual(['newest']);
  expect(secureInOrder([ready('newest', 9000), ready('older', 10)], at(60_000, null))).toEqual(['older', 'newest']);
});

const worlds = fc.record({
  contenders: fc.array(fc.record({ bytesLeft: fc.nat(20_000 * MB), ready: fc.boolean() }), { maxLength: 5 }),
  timeLeftMs: fc.integer({ min: 0, max: 120_000 }),
  bytesPerSecond: fc.option(fc.integer({ min: 1, max: 2000 * MB })),
});

test('if any contender can make it, one that can make it is the first that is sent', () => {
  fc.assert(
    fc.property(worlds, ({ contenders, timeLeftMs, bytesPerSecond }) => {
      const named = contenders.map((each, index) => ({ ...each, id: String(index) }));
      const order = secureInOrder(named, { timeLeftMs, bytesPerSecond });
      const fits = ({ bytesLeft }: { bytesLeft: number }) => msToSecure(bytesLeft, bytesPerSecond) <= timeLeftMs;
      expect(new Set(order).size).toBe(order.length);
      const newest = named.find(fits);
      if (newest === undefined) return;
      expect(order).toContain(newest.id);
      const first = named[Number(order[0])];
      expect(first !== undefined && fits(first)).toBe(true);
      if (newest.ready) expect(order[0]).toBe(newest.id);
    }),
  );
});

test('what is sent is left off only when it can not make it at all and another surely can', () => {
  const [large, small] = [ready('newest', 1000), ready('older', 10)];
  expect(isOvertaken(large, [small], at(10_000, 500))).toBe(false);
  // Within the margin it may make it still.
  expect(isOvertaken(large, [small], at(12_000, 100))).toBe(false);
  expect(isOvertaken(large, [small], at(10_000, 50))).toBe(true);
  expect(isOvertaken(large, [], at(10_000, 50))).toBe(false);
  expect(isOvertaken(large, [ready('older', 900)], at(10_000, 50))).toBe(false);
});
