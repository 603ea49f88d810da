import { describe, expect, test } from 'vitest';
import type { Candidate } from '../contract/recogniser.ts';
import { candidateIdentity, filesOf, type PublishedRecord } from '../look/plan.ts';
import { firstSeen } from '../look/sightings.ts';
import { choose, type ChoiceFacts, goesFirst, losesToAnother, type Urgency } from './choose.ts';

const SETTLE_MS = 1000;
const NOW_MS = 100_000;
const MB = 1e6;

/** A candidate of one file. It was last written at its step's time. */
const candidateOf = (step: number, sizeMb: number): Candidate => ({
  recogniser: 'test',
  entry: `step-${step}`,
  step,
  files: [
    { path: `step-${step}`, sizeBytes: sizeMb * MB, mtimeMs: step, ctimeMs: step, inode: `${step}`, mode: 0o644 },
  ],
  companions: [],
  marker: null,
});
const large = candidateOf(9, 5000);
const small = candidateOf(8, 100);
const tiny = candidateOf(7, 10);

const sizeOf = ({ files }: Candidate): number => files.reduce((sum, file) => sum + file.sizeBytes, 0);

/** 100 MB/s until the deadline. */
const within = (timeLeftMs: number, bytesToCome: number | null = null): Urgency => ({
  timeLeftMs,
  bytesPerSecond: 100 * MB,
  bytesLeft: sizeOf,
  bytesToCome: () => bytesToCome,
});

/** Candidates that are still, but for those named as `moving`. */
function factsOf(
  candidates: readonly Candidate[],
  urgency: Urgency | null,
  { published = null, moving = [] }: { published?: PublishedRecord | null; moving?: readonly Candidate[] } = {},
): ChoiceFacts {
  const sightings = new Map(
    candidates.flatMap((each) =>
      each.files.map(
        (file) => [file.path, firstSeen(file, moving.includes(each) ? NOW_MS : NOW_MS - SETTLE_MS)] as const,
      ),
    ),
  );
  const facts = {
    sightings,
    nowMs: NOW_MS,
    settleMs: SETTLE_MS,
    ended: null,
    expectedShape: null,
    arrived: new Set<string>(),
  };
  return { looked: { candidates, facts, passedOver: [] }, published, urgency };
}

/** The record of a candidate that is durable with the files that it has. */
const recordOf = (candidate: Candidate): PublishedRecord => ({
  step: candidate.step,
  savedAtMs: candidate.step ?? 0,
  identity: candidateIdentity(candidate, candidate, false),
});

const steps = (candidates: readonly Candidate[]) => candidates.map(({ step }) => step);
const planOf = (facts: ChoiceFacts) => {
  const { first, afterwards, givenUp } = choose(facts);
  return [steps(first), steps(afterwards), steps(givenUp)];
};

describe('a pass', () => {
  test('considers all candidates, newest first, while no deadline presses', () => {
    expect(planOf(factsOf([large, small, tiny], null, { moving: [large] }))).toEqual([[9, 8, 7], [], []]);
  });

  test.each([
    ['secures the newest alone where there is time for it', within(100_000), {}, [[9], [8, 7], []]],
    ['secures the newest that can make it, and tries the larger one after it', within(10_000), {}, [[8, 9], [7], []]],
    ['leaves one that is moving for later', within(100_000), { moving: [large] }, [[8], [9, 7], []]],
    [
      'leaves those that are older than the durable one for later',
      within(100_000),
      { published: recordOf(small) },
      [[9], [8, 7], []],
    ],
    ['gives older ones up for one that is being written', within(5000, 290 * MB), {}, [[], [], [9, 8, 7]]],
  ] as const)('before a deadline %s', (_name, urgency, more, expected) => {
    expect(planOf(factsOf([large, small, tiny], urgency, more))).toEqual(expected);
  });
});

test('before a deadline nothing is left to send of the durable one', () => {
  const newer = candidateOf(10, 90);
  expect(planOf(factsOf([newer, small], within(2000)))[0]).toEqual([10, 8]);
  expect(planOf(factsOf([newer, small], within(2000), { published: recordOf(small) }))[0]).toEqual([8, 10]);
});

test('before a deadline an older one is not secured, though it alone could be', () => {
  const published = { ...recordOf(small), identity: null };
  expect(planOf(factsOf([large, small, tiny], within(2000), { published }))).toEqual([[8, 9], [7], []]);
});

describe('what is being sent', () => {
  const facts = factsOf([large, small], within(10_000));

  test('goes first if a pass would begin with it now', () => {
    expect(goesFirst(filesOf(small), facts)).toBe(true);
    expect(goesFirst(filesOf(large), facts)).toBe(false);
    expect(goesFirst(null, facts)).toBe(false);
    expect(goesFirst(filesOf(small), factsOf([], within(10_000)))).toBe(false);
  });

  test('loses to another only if it can not make the deadline and that one can', () => {
    expect(losesToAnother(filesOf(large), facts)).toBe(true);
    expect(losesToAnother(filesOf(small), facts)).toBe(false);
    expect(losesToAnother(filesOf(large), factsOf([large, small], within(100_000)))).toBe(false);
    expect(losesToAnother(filesOf(large), factsOf([large, small], within(1500)))).toBe(false);
    expect(
      losesToAnother(filesOf(large), factsOf([large, small], within(10_000), { published: recordOf(small) })),
    ).toBe(false);
    expect(losesToAnother(filesOf(large), factsOf([large, small], null))).toBe(false);
    expect(losesToAnother(null, facts)).toBe(false);
  });
});
