import { expect, test } from 'vitest';
import { runs } from './kinship.ts';
import { stopOrder, type StopCandidate } from './recipients.ts';

const line = (...words: readonly string[]) => ({ command: words.map((word) => `${word}\0`).join('') });

test('a program runs another by its very command, or its script', () => {
  const command = line('python', 'train.py', '--lr', '1');
  expect(runs(line('timeout', '60', 'python', 'train.py', '--lr', '1'), command)).toBe(true);
  expect(runs(line('accelerate', 'launch', 'train.py', '--lr', '1'), command)).toBe(true);
});

test.each([
  ['a mount of the data', ['rclone', 'mount', 'remote:', './data']],
  ['a server on the data', ['redis-server', './data']],
  ['a loader of the data', ['loader', '--from', './data']],
])('a program does not run %s that both name', (_, words) => {
  expect(runs(line('python', 'train.py', '--data', './data'), line(...words))).toBe(false);
});

test('who was seen writing a checkpoint hears of a stop before its helpers', () => {
  const common = { catchesTerm: true, ignoresTerm: false, isRank: false, readsPipe: false };
  const training: StopCandidate = {
    ...common,
    ...line('python', 'train.py', 'helper.py'),
    pid: 2,
    parent: 1,
    hasWritten: true,
  };
  const helper: StopCandidate = { ...common, ...line('python', 'helper.py'), pid: 3, parent: 2, hasWritten: false };
  expect(stopOrder([training, helper]).first).toEqual([training]);
});
