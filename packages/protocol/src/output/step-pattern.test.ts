import { expect, test } from 'vitest';
import { stepPattern, stepPatternProblem } from './step-pattern.ts';
import { StepReader } from './step-reader.ts';

test.each<[string, string, number | null]>([
  [String.raw`it (\d+)/`, 'it 40/900', 40],
  [String.raw`it (\d+)/`, 'step 40', null],
  [String.raw`^(?:batch|it) ([\d,]+)`, 'batch 1,200 loss 2', 1200],
  ['it (.*)', 'it twelve', null],
  [String.raw`(\d+)`, `${'x'.repeat(300)}7`, null],
])('%s reads %s as %s', (pattern, line, step) => {
  expect(stepPatternProblem(pattern)).toBeNull();
  expect(stepPattern(pattern)(line)).toBe(step);
});

test.each([
  ['it', /one group/],
  [String.raw`(\w+) (\d+)`, /one group/],
  [String.raw`(\d+`, /regular expression/],
  [String.raw`(\d+)+x`, /no repetition/],
  [String.raw`(?:a*)*(\d+)`, /no repetition/],
  [String.raw`(\d+) \1`, /no reference/],
  [String.raw`(?<=x)(\d+)`, /one plain group/],
  [String.raw`(\d+)${'x'.repeat(200)}`, /at most 200/],
])('%s is no pattern for a step', (pattern, why) => {
  expect(stepPatternProblem(pattern)).toMatch(why);
  expect(stepPattern(pattern)('1 1 it')).toBeNull();
});

test('a bracket and an escaped parenthesis are no groups', () => {
  expect(stepPattern(String.raw`[(]it\) (\d+)`)('(it) 5')).toBe(5);
});

test('a pattern is asked instead of the reader, which still tells the total and signs of life', () => {
  const reader = new StepReader({ pattern: stepPattern(String.raw`^tick (\d+)`) });
  reader.read('step 3', 0);
  expect(reader.current()).toMatchObject({ step: null, isAlive: true });
  reader.read('tick 40', 1000);
  reader.read('  5%|▌ | 1/20 [00:01<00:10, 1.00it/s]', 2000);
  expect(reader.current()).toMatchObject({ step: 40, evidence: 'tick 40' });
  reader.read('Total optimization steps = 5,000', 3000);
  expect(reader.current()).toMatchObject({ step: 40, total: 5000 });
});
