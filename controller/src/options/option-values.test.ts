import { expect, test } from 'vitest';
import { numberIn } from './values/numbers.ts';
import { commandWorld } from '../testing/command-world.ts';

/** Every option of every command that takes a number or a duration, with what it does not take. */
const WRONG: readonly (readonly [command: string, option: string, value: string])[] = [
  ['drill train.py', '--interruptions', 'x'],
  ['drill train.py', '--interruptions', '1.5'],
  ['drill train.py', '--no-notice', '2'],
  ['drill train.py', '--seed', '-1'],
  ['drill train.py', '--time-scale', '0'],
  ['sandbox start', '--time-scale', 'fast'],
  ['sandbox start', '--boot-delay', 'x'],
  ['sandbox serve', '--parent', 'me'],
  ['logs r-abc', '--tail', ''],
  ['logs r-abc', '--since', 'yesterday'],
  ['status', '--limit', '0'],
  ['stop r-abc', '--grace', '-5'],
  ['wait r-abc', '--timeout', 'soon'],
  ['checkpoint save r-abc', '--timeout', '5 minutes'],
  ['checkpoint pull r-abc', '--step', '1e400'],
  ['checkpoint cleanup .', '--keep-last-n', '0'],
  ['s3 cleanup old/', '--keep-last-n', '-1'],
  ['s3 cleanup old/', '--older-than', 'x'],
  ['s3 watch old/', '--interval', '0.5s'],
  ['s3 watch . new/', '--parallel', '0'],
  ['s3 sync . new/', '--parallel', 'many'],
  ['s3 upload . new/', '--concurrency', '1.5'],
  ['s3 download old/ .', '--parallel', '0x10'],
  ['transfer . s3://bucket/c', '--parallel', 'x'],
  ['launch train.py', '--budget', 'x'],
  ['launch train.py', '--grace', 'x'],
  ['launch train.py', '--max-runtime', 'x'],
  ['launch train.py', '--max-interruptions', 'x'],
  ['launch train.py', '--max-crashes', '-1'],
  ['launch train.py', '--fallback-after', 'x'],
  ['launch train.py', '--keep-last', 'x'],
  ['launch train.py', '--keep-every', 'x'],
];

test.each(WRONG)('%s %s "%s" is told with the value and with one that would do', async (command, option, value) => {
  await using scope = await commandWorld({ 'requirements.txt': '', 'train.py': '' });
  const result = await scope.world.run([...command.split(' '), option, value]);
  expect(result.stderr).toContain('takes ');
  expect(result.stderr).toContain(`not "${value}"`);
  expect(result.stderr).toMatch(/\nhint: .*such as --\S/);
  expect(result.exitCode).toBe(2);
});

test('numbers are read as people write them', () => {
  const schema = numberIn({ least: -10, most: 1000, fraction: true, example: 1 });
  expect(['7', ' 7 ', '1e2', '+.5', '-3', '2.'].map((text) => schema.read(text))).toEqual([7, 7, 100, 0.5, -3, 2]);
});
