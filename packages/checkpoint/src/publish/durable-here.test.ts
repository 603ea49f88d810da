import { expect, test } from 'vitest';
import { FORMAT_VERSION, type Manifest } from '@runctl/protocol';
import type { Candidate } from '../contract/recogniser.ts';
import type { Standing } from '../ledger/ledger.ts';
import { candidateIdentity } from '../look/plan.ts';
import { DurableHere } from './durable-here.ts';

const RUN = 'r-abcdefghij';

/** A candidate of one file that was last written at `savedAtMs`. */
const candidateOf = (step: number | null, savedAtMs: number, path = `step-${step}`): Candidate => ({
  recogniser: 'test',
  entry: path,
  step,
  files: [{ path, sizeBytes: 1, mtimeMs: savedAtMs, ctimeMs: savedAtMs, inode: path, mode: 0o644 }],
  companions: [],
  marker: null,
});

const manifestOf = (step: number, savedAtMs: number): Manifest => ({
  version: FORMAT_VERSION,
  generation: 1,
  seq: 1,
  nonce: 'n',
  step,
  previous: null,
  recogniser: 'test',
  evidence: 'still',
  entry: '.',
  nodes: [0],
  files: [],
  savedAt: new Date(savedAtMs).toISOString(),
  at: new Date(savedAtMs).toISOString(),
});

const standingOf = (manifest: Manifest): Standing => ({ pointer: null, damaged: null, manifest, previousKey: null });

function durableAfter(step: number, savedAtMs: number): DurableHere {
  const durable = new DurableHere(RUN);
  const manifest = manifestOf(step, savedAtMs);
  durable.noteBucket(standingOf(manifest), manifest);
  return durable;
}

function note(durable: DurableHere, candidate: Candidate, more: { isIdentical?: boolean; beside?: Candidate[] } = {}) {
  const { isIdentical = false, beside = [] } = more;
  durable.noteDurable(candidate, candidateIdentity(candidate, candidate, false), { isIdentical, beside });
}

test('a lower step that was not saved later is behind, a lower one that was saved later is not', () => {
  const durable = durableAfter(5, 1000);
  expect(durable.isBehind(candidateOf(4, 1000))).toBe(true);
  expect(durable.isBehind(candidateOf(4, 1001))).toBe(false);
  expect(durable.hasFallen(candidateOf(4, 1001))).toBe(true);
  expect(durable.isBehind(candidateOf(6, 0))).toBe(false);
  expect(durable.hasFallen(candidateOf(6, 0))).toBe(false);
  expect(durable.isBehind(candidateOf(null, 0, 'model'))).toBe(false);
});

test('what lies beside the checkpoint that was durable before with a lower step is behind, whatever its time', () => {
  const [found, lower, later] = [candidateOf(5, 1000), candidateOf(4, 9000), candidateOf(6, 9000)];
  const durable = durableAfter(5, 1000);
  note(durable, found, { isIdentical: true, beside: [found, lower, later] });
  expect(durable.isBehind(lower)).toBe(true);
  expect(durable.isBehind(later)).toBe(false);
  expect(durable.isBehind(found)).toBe(false);
  // It appeared after that look, so its script may have started over.
  expect(durable.isBehind(candidateOf(3, 9000))).toBe(false);
});

test('what lies beside one that was published from here is behind only by its time', () => {
  const durable = durableAfter(4, 500);
  const lower = candidateOf(3, 9000);
  note(durable, candidateOf(5, 1000), { beside: [lower] });
  expect(durable.isBehind(lower)).toBe(false);
});

test('the checkpoint that a restore put here is behind the first that is published, though its clock was ahead', () => {
  const durable = durableAfter(5, 9000);
  expect(durable.isBehind(candidateOf(5, 9000))).toBe(false);
  note(durable, candidateOf(2, 9500));
  expect(durable.isBehind(candidateOf(5, 9000))).toBe(true);
  expect(durable.isBehind(candidateOf(5, 9001))).toBe(false);
});

test('what was durable is behind what followed it, until it is durable again', () => {
  const [first, second] = [candidateOf(null, 9000, 'a'), candidateOf(null, 1000, 'b')];
  const durable = new DurableHere(RUN);
  note(durable, first, { isIdentical: true });
  note(durable, second);
  expect(durable.isBehind(first)).toBe(true);
  note(durable, first);
  expect(durable.isBehind(first)).toBe(false);
  expect(durable.isBehind(second)).toBe(true);
});

test('what was behind one durable checkpoint is behind the next one too, whatever time that bears', () => {
  const durable = durableAfter(5, 5000);
  const older = candidateOf(4, 4000);
  durable.noteCandidates([older, candidateOf(6, 1000)]);
  note(durable, candidateOf(6, 1000));
  expect(durable.isBehind(older)).toBe(true);
});

test('holds a candidate once it is durable as it is, with its companions', () => {
  const candidate = candidateOf(5, 1000);
  const rewritten = candidateOf(5, 2000);
  const durable = durableAfter(4, 500);
  expect([durable.isCompared, durable.holdsFilesOf(candidate)]).toEqual([false, false]);
  note(durable, candidate);
  expect([durable.isCompared, durable.holdsFilesOf(candidate)]).toEqual([true, true]);
  expect(durable.holds(candidateIdentity(candidate, candidate, false))).toBe(true);
  expect(durable.holdsFilesOf(rewritten)).toBe(false);
  const companions = candidateOf(null, 0, 'best.json').files;
  expect(durable.holds(candidateIdentity(candidate, { companions }, false))).toBe(false);
});
