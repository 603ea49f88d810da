import { expect, test } from 'vitest';
import { StepReader } from './step-reader.ts';

/** Reads the lines, one each second, and tells the step after each. */
function stepsAfter(lines: readonly string[], everyMs = 1000): (number | null)[] {
  const reader = new StepReader();
  return lines.map((line, index) => {
    reader.read(line, index * everyMs);
    return reader.current().step;
  });
}

test('a step that jumps beyond what time allows is not believed', () => {
  expect(stepsAfter(['step 1', 'step 2', 'step 3', 'done: step 10000', 'step 4'])).toEqual([1, 2, 3, 3, 4]);
});

test('a jump is believed once a later line goes on from it', () => {
  expect(stepsAfter(['step 1', 'step 2', 'step 5000', 'step 5001'])).toEqual([1, 2, 2, 5001]);
});

test('a wider distance between reports is believed where time allows it', () => {
  const reader = new StepReader();
  for (let step = 1; step <= 10; step += 1) reader.read(`step ${step}`, step * 100);
  reader.read('step 200', 20_000);
  expect(reader.current().step).toBe(200);
});

test('a first number that the second contradicts was no step', () => {
  const reader = new StepReader();
  reader.read('step 10000', 0);
  reader.read('step 1', 1000);
  expect(reader.current()).toMatchObject({ step: 1, firstStep: 1 });
});

test('a false second number does not widen what is believed later', () => {
  const lines = ['step 1', 'step 9999', 'step 2', 'step 3', 'step 5000', 'step 4'];
  expect(stepsAfter(lines)).toEqual([1, 9999, 2, 3, 3, 4]);
});

test('a script that begins again is followed down', () => {
  expect(stepsAfter(['step 40', 'step 50', 'step 0', 'step 10'])).toEqual([40, 50, 0, 10]);
});

test('the bar that is drawn longest counts the training, and a named step counts before it', () => {
  const reader = new StepReader();
  reader.read('  1%|▏  | 1/500 [00:01<08:00,  1.0it/s]', 0);
  reader.read(' 99%|█▏ | 7/8 [00:10<01:13,  5.98it/s]', 2000);
  reader.read('  2%|▏  | 10/500 [00:10<08:00,  1.0it/s]', 10_000);
  expect(reader.current()).toMatchObject({ step: 10, total: 500, isAlive: true });
  reader.read('step 12 loss 0.1', 11_000);
  expect(reader.current()).toMatchObject({ step: 12, evidence: 'step 12 loss 0.1' });
});

test.each<[string, readonly string[], number]>([
  ['at 0 and then where a resumed training goes on', ['  0%| | 0/160 [', ' 87%|█▏| 139/160 ['], 139],
  [
    'at 0 twice, as it is once more when the time is known',
    ['  0%| | 0/160 [', '  0%| | 0/160 [', ' 87%|█▏| 139/160 ['],
    139,
  ],
  ['at 0 and then at the first step', ['  0%| | 0/160 [', '  1%| | 1/160 [', '  2%| | 3/160 ['], 1],
])('a bar that is drawn %s began at its first step that was made', (_name, lines, firstStep) => {
  const reader = new StepReader();
  lines.forEach((line, index) => reader.read(line, index * 1000));
  expect(reader.current()).toMatchObject({ firstStep });
});

test('a named step 0 is where a script began', () => {
  const reader = new StepReader();
  ['step 0', 'step 10'].forEach((line, index) => reader.read(line, index * 1000));
  expect(reader.current()).toMatchObject({ firstStep: 0, step: 10 });
});

test('the first epoch is remembered', () => {
  const reader = new StepReader();
  ['Epoch 3/8', 'Epoch 4/8'].forEach((line, index) => reader.read(line, index * 1000));
  expect(reader.current()).toMatchObject({ firstEpoch: 3 });
});

test('an epoch or a bar within it shows life, and no step', () => {
  const reader = new StepReader();
  reader.read('Downloading: 50%|█ | 5/10 [00:01<00:01]', 0);
  expect(reader.current().isAlive).toBe(false);
  reader.read('Epoch 3:  50%|█████     | 50/100 [00:12<00:12,  4.17it/s]', 1000);
  expect(reader.current()).toMatchObject({ step: null, isAlive: true });
});

test('an announced total is a hint and no step', () => {
  const reader = new StepReader();
  reader.read('  Total optimization steps = 5,000', 0);
  expect(reader.current()).toEqual({
    step: null,
    firstStep: null,
    total: 5000,
    firstEpoch: null,
    isAlive: false,
    evidence: null,
  });
});
