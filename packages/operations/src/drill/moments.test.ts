import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isDue, planMoments, type InterruptionMoment, type LivingScript } from './moments.ts';
import { seededRandom } from './random.ts';

const plan = (seed: number, interruptions = 3, noNotice = 0.5): readonly InterruptionMoment[] =>
  planMoments(seededRandom(seed), { interruptions, noNotice });

test('the seed decides the moments', () => {
  expect(plan(7)).toEqual(plan(7));
  expect(plan(7)).not.toEqual(plan(8));
});

test('moments are spread over the training, away from its beginning and end and from each other', () => {
  fc.assert(
    fc.property(fc.nat(), fc.integer({ min: 1, max: 9 }), (seed, interruptions) => {
      const moments = plan(seed, interruptions, 0);
      const share = 0.7 / interruptions;
      moments.forEach(({ kind, fraction, untilFraction }, index) => {
        const before = moments[index - 1]?.fraction ?? 0.15;
        expect(kind).toBe('notice');
        expect(fraction).toBeGreaterThanOrEqual(index === 0 ? before : before + 0.29 * share);
        expect(fraction).toBeLessThan(untilFraction);
        expect(untilFraction).toBeLessThanOrEqual(0.851);
      });
      const waits = plan(seed, interruptions, 0).map(({ waitMs }, index) => waitMs / 1.5 ** index);
      expect(waits.every((waitMs) => waitMs >= 500 * (1 - 1e-9) && waitMs <= 2500 * (1 + 1e-9))).toBe(true);
    }),
  );
});

const MOMENT = {
  kind: 'notice',
  fraction: 0.5,
  untilFraction: 0.6,
  fractionOfLife: 0.5,
  waitMs: 1000,
  saves: 2,
} as const;
const LIFE: LivingScript = {
  step: 55,
  fromStep: null,
  totalSteps: 100,
  aliveForMs: 9000,
  saves: 2,
  sinceSaveMs: 1400,
  saveIntervalMs: 4000,
};

test('a moment waits for a step of the life itself', () => {
  expect(isDue(MOMENT, { ...LIFE, fromStep: 55 }, null)).toBe(false);
  expect(isDue(MOMENT, { ...LIFE, fromStep: 54 }, null)).toBe(true);
});

test.each<[string, Partial<LivingScript>, boolean]>([
  ['before its part of the announced steps', { step: 49 }, false],
  ['behind it', {}, true],
  ['sooner after the start of the life than it saves again', { aliveForMs: 3900 }, false],
  ['behind it, but before the first save', { saves: 0 }, false],
  ['so far behind it that the script may never save', { step: 60, saves: 0 }, true],
  ['directly after a save, where nothing could be lost', { sinceSaveMs: 1390 }, false],
  ['directly before a save is due', { sinceSaveMs: 3000 }, false],
  ['at any time between saves too fast to look between', { sinceSaveMs: 900, saveIntervalMs: 1000 }, true],
  ['directly after one that is not durable yet', { sinceSaveMs: 4200 }, false],
  ['between two later saves', { sinceSaveMs: 6000 }, true],
  ['directly after a save, behind the last moment', { step: 60, sinceSaveMs: 0 }, true],
  ['after a save of a script whose interval is unknown', { sinceSaveMs: 0, saveIntervalMs: null }, true],
  ['early in a training of unknown length', { totalSteps: null, aliveForMs: 900 }, false],
  ['later in one', { totalSteps: null, aliveForMs: 4000 }, true],
  ['in one that has not saved', { totalSteps: null, aliveForMs: 10_000, saves: 0 }, false],
  ['after one save, where a second may come soon', { totalSteps: null, aliveForMs: 60_000, saves: 1 }, false],
  ['after one save of a script that saves rarely', { totalSteps: null, aliveForMs: 61_000, saves: 1 }, true],
  ['long after in one that does not save', { totalSteps: null, aliveForMs: 11_000, saves: 0 }, true],
  ['in a script without steps', { step: null, totalSteps: null, aliveForMs: 4000 }, true],
])('is it due %s', (_name, life, due) => {
  expect(isDue(MOMENT, { ...LIFE, ...life }, null)).toBe(due);
});

test('an undisturbed run tells the length, in steps or in time', () => {
  const stepless = { ...LIFE, step: null, totalSteps: null };
  expect(isDue(MOMENT, { ...LIFE, totalSteps: 10 }, { finalStep: 1000, trainingMs: 1 })).toBe(false);
  expect(isDue(MOMENT, { ...LIFE, step: 500, totalSteps: 10 }, { finalStep: 1000, trainingMs: 1 })).toBe(true);
  expect(isDue(MOMENT, { ...stepless, aliveForMs: 4000 }, { finalStep: null, trainingMs: 10_000 })).toBe(false);
  expect(isDue(MOMENT, { ...stepless, aliveForMs: 5000 }, { finalStep: null, trainingMs: 10_000 })).toBe(true);
  const unsaved = { ...stepless, saves: 0 };
  expect(isDue(MOMENT, { ...unsaved, aliveForMs: 5900 }, { finalStep: null, trainingMs: 10_000 })).toBe(false);
  expect(isDue(MOMENT, { ...unsaved, aliveForMs: 6000 }, { finalStep: null, trainingMs: 10_000 })).toBe(true);
});
