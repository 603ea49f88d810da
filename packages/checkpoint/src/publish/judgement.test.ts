import { describe, expect, test } from 'vitest';
import type { Candidate, FileSeen } from '../contract/recogniser.ts';
import type { MovementFacts } from '../look/movement.ts';
import { candidateIdentity } from '../look/plan.ts';
import { firstSeen } from '../look/sightings.ts';
import { DurableHere } from './durable-here.ts';
import { type DurableFacts, type Judgement, judgeComplete, judgeIncomplete, judgeSighted } from './judgement.ts';

const SETTLE_MS = 1000;
const NOW_MS = 100_000;

const file = (path: string): FileSeen => ({ path, sizeBytes: 1, mtimeMs: 5, ctimeMs: 5, inode: path, mode: 0o644 });
const model = file('step-7/model.bin');
const pointer = file('best.json');
const sideFile = file('train.log');
const candidate: Candidate = {
  recogniser: 'test',
  entry: 'step-7',
  step: 7,
  files: [model],
  companions: [pointer],
  marker: null,
};

/** Facts of a look in which every file has been unchanged for `stillMs`. */
function factsOf(stillMs: number, more: Partial<MovementFacts> = {}): MovementFacts {
  const sightings = new Map(
    [model, pointer, sideFile].map((seen) => [seen.path, firstSeen(seen, NOW_MS - stillMs)] as const),
  );
  const facts = { sightings, nowMs: NOW_MS, settleMs: SETTLE_MS, ended: null, expectedShape: null };
  return { ...facts, arrived: new Set<string>(), ...more };
}

const nothingDurable: DurableFacts = {
  isBehind: () => false,
  isCompared: true,
  holds: () => false,
  holdsFilesOf: () => false,
  holdsPath: () => false,
  record: null,
  hasFallen: () => false,
};

/** Facts of a durable checkpoint that has this candidate's files, with these companions. */
function durableWith(companions: Candidate['companions']): DurableFacts {
  const durable = new DurableHere('r-abcdefghij');
  durable.noteDurable(candidate, candidateIdentity(candidate, { companions }, false), {
    isIdentical: true,
    beside: [],
  });
  return durable;
}

const brief = (judgement: Judgement | { readonly kind: 'unopened' }) =>
  judgement.kind === 'unopened'
    ? [judgement.kind]
    : [judgement.kind, judgement.passedOver.map(({ path }) => path), judgement.againInMs];

describe('a candidate as the looks have shown it', () => {
  const still = factsOf(SETTLE_MS);
  const moving = factsOf(0);
  const killed = { ended: { clean: false, atMs: 5 } };
  test.each([
    ['behind comes first, whatever moves', moving, { ...nothingDurable, isBehind: () => true }, ['behind', [], null]],
    ['durable comes before movement', moving, durableWith([pointer]), ['durable', [], null]],
    [
      'what was not compared yet is opened',
      still,
      { ...nothingDurable, isCompared: false, holds: () => true },
      ['unopened'],
    ],
    ['a companion that is not durable has it opened', still, durableWith([]), ['unopened']],
    ['moving has the next look soon', moving, nothingDurable, ['moving', [], SETTLE_MS / 8]],
    ['cut off by a kill is told', factsOf(0, killed), nothingDurable, ['moving', ['step-7'], null]],
    ['still is opened', still, nothingDurable, ['unopened']],
  ] as const)('%s', (_name, facts, durable, expected) => {
    expect(brief(judgeSighted(candidate, facts, durable))).toEqual(expected);
  });
});

describe('a candidate that was found incomplete', () => {
  const torn = { why: 'torn', settling: false };
  test.each([
    ['settling has the next look soon', { why: 'open', settling: true }, factsOf(SETTLE_MS), [[], SETTLE_MS / 2]],
    ['torn a moment ago is no news yet', torn, factsOf(SETTLE_MS), [[], null]],
    ['torn and untouched for long is reported', torn, factsOf(30 * SETTLE_MS), [['step-7'], null]],
    ['torn at a clean end is reported', torn, factsOf(0, { ended: { clean: true, atMs: 5 } }), [['step-7'], null]],
    ['torn by a kill is no news', torn, factsOf(0, { ended: { clean: false, atMs: 5 } }), [[], null]],
    ['that a kill may have cut off is told', { ...torn, cutOff: true as const }, factsOf(0), [['step-7'], null]],
    ['that needs the user is reported at once', { ...torn, needsUser: true as const }, factsOf(0), [['step-7'], null]],
  ] as const)('%s', (_name, incomplete, facts, expected) => {
    const judgement = judgeIncomplete(candidate, incomplete, { facts, durable: nothingDurable });
    expect(brief(judgement)).toEqual(['incomplete', ...expected]);
    expect(judgement).toMatchObject({ why: incomplete.why, needsUser: 'needsUser' in incomplete });
  });
});

describe('a candidate that was found complete', () => {
  const still = factsOf(SETTLE_MS);
  const ended = factsOf(0, { ended: { clean: true, atMs: 5 } });
  const killed = factsOf(0, { ended: { clean: false, atMs: 5 } });
  const forbidden = { path: pointer.path, why: "can't be read" };
  const whole = { candidate, companions: [pointer], held: { forbidden: [] }, apart: new Set<string>() };
  const lacking = { candidate, companions: [], held: { forbidden: [] }, apart: new Set<string>() };
  const unreadable = { candidate, companions: [], held: { forbidden: [forbidden] }, apart: new Set<string>() };
  const withLog = { ...lacking, candidate: { ...candidate, companions: [sideFile] } };
  test.each([
    ['is published', whole, [still, nothingDurable], ['complete', [], null]],
    ['is durable with all companions', whole, [still, durableWith([pointer])], ['durable', [], null]],
    ['is published again with a new companion', whole, [still, durableWith([])], ['complete', [], null]],
    ['without a companion has the next look soon', lacking, [still, nothingDurable], ['complete', [], SETTLE_MS / 2]],
    [
      'waits for a companion before it is published again',
      lacking,
      [still, durableWith([pointer])],
      ['durable', [], SETTLE_MS / 2],
    ],
    ['waits for no companion that is a side file', withLog, [still, nothingDurable], ['complete', [], null]],
    ['waits for none that may not be read', unreadable, [still, nothingDurable], ['complete', [pointer.path], null]],
    ['names none that a clean end left', lacking, [ended, nothingDurable], ['complete', [], null]],
    ['names what a kill left', lacking, [killed, nothingDurable], ['complete', [pointer.path], null]],
    ['waits for none after the end', lacking, [ended, durableWith([pointer])], ['complete', [], null]],
  ] as const)('%s', (_name, complete, [facts, durable], expected) => {
    expect(brief(judgeComplete(complete, facts, durable))).toEqual(expected);
  });

  test.each([
    ['what is cut off beside it, after a clean end', lacking, ended, [pointer.path]],
    ['no side file', withLog, ended, []],
    ['none that may not be read, which is told', unreadable, ended, []],
    ['none that a kill may have cut off', lacking, killed, undefined],
    ['none while the workload runs', lacking, still, undefined],
  ] as const)('has left out %s', (_name, complete, facts, expected) => {
    expect(judgeComplete(complete, facts, nothingDurable).leftOut?.map(({ path }) => path)).toEqual(expected);
  });

  test('asks the bucket about a step that has fallen', () => {
    const fallen = { ...nothingDurable, hasFallen: () => true };
    expect(judgeComplete(whole, still, fallen)).toMatchObject({ kind: 'complete', hasFallen: true });
    expect(judgeComplete(whole, still, nothingDurable)).toMatchObject({ kind: 'complete', hasFallen: false });
  });
});
