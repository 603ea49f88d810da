import { timestampOf } from '@runctl/protocol';
import { expect, test } from 'vitest';
import type { AttemptRecord, RunRecord } from '../run/run-record.ts';
import type { LifeProgress } from './observer.ts';
import { resumption } from './resumption.ts';

const life = (generation: number, resumedFrom: number | null): AttemptRecord =>
  ({
    generation,
    started: {
      at: timestampOf(generation * 1e6),
      resumedFrom: resumedFrom === null ? null : { manifest: 'm', step: resumedFrom, warnings: [] },
    },
  }) as unknown as AttemptRecord;

interface Shown {
  /** First printed step of the first life, and of the second. */
  readonly printed?: readonly [number | null, number | null];
  /** First printed epoch of the first life, and of the second. */
  readonly epochs?: readonly [number | null, number | null];
  /** Steps of the checkpoints of the first life, and of the second. */
  readonly saved?: readonly [readonly (number | null)[], readonly (number | null)[]];
  /** Milliseconds to each step of a checkpoint of the second life, counted from nothing; 100 in the first. */
  readonly paceMs?: number;
}

/** What a second life that was given step 40 is judged to have done. */
function judged({ printed = [null, null], epochs = [null, null], saved = [[], []], paceMs = 40 }: Shown) {
  const attempts = [life(1, null), life(2, 40)];
  const progress = new Map(
    printed.map((firstStep, index) => [index + 1, { firstStep, firstEpoch: epochs[index] } as LifeProgress]),
  );
  const saves = saved.flatMap((steps, index) =>
    steps.map((step) => ({
      key: `${step}`,
      generation: index + 1,
      step,
      savedAtMs: (index + 1) * 1e6 + (step ?? 0) * (index === 0 ? 100 : paceMs),
      recogniser: 'plain',
    })),
  );
  return resumption(attempts[1], { record: { attempts } as unknown as RunRecord, progress, saves });
}

test.each<[string, Shown]>([
  ['printed a lower step', { printed: [1, 1] }],
  ['saved a lower step, and printed nothing', { saved: [[20, 40], [20]] }],
  ['saved a lower step, whatever it printed', { printed: [1, 41], saved: [[20, 40], [20]] }],
])('a life that %s than it was given began again', (_name, shown) => {
  const { beganAgainAt, isSeen } = judged(shown);
  expect([beganAgainAt, isSeen]).toEqual([shown.saved === undefined ? 1 : 20, false]);
});

test.each<[string, Shown]>([
  ['its first step', { printed: [1, 41] }],
  ['its first step, counted from 0', { printed: [0, 40] }],
  ['a later first epoch', { epochs: [1, 3] }],
  ['its first checkpoint', { saved: [[20, 40], [60]] }],
  ['its first checkpoint, after one save alone', { saved: [[40], [60]] }],
])('a life is seen to resume by %s', (_name, shown) => {
  expect(judged(shown)).toEqual({ beganAgainAt: null, isSeen: true });
});

test.each<[string, Shown]>([
  ['shows nothing', {}],
  ['prints so rarely that a life from nothing looks the same', { printed: [50, 50] }],
  ['saves so rarely that a life from nothing looks the same', { saved: [[40], [40]], paceMs: 100 }],
  ['saved a high step only as late as a life from nothing would', { saved: [[20, 40], [60]], paceMs: 100 }],
  ['begins with the epoch that a life from nothing begins with', { epochs: [1, 1] }],
  ['alone prints epochs', { epochs: [null, 3] }],
  ['saves without a step', { saved: [[null], [null]] }],
])('a life is not seen to resume that %s', (_name, shown) => {
  expect(judged(shown)).toEqual({ beganAgainAt: null, isSeen: false });
});
