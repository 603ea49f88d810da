import { beforeEach, describe, expect, test } from 'vitest';
import { commandDetails } from '../command-index/command-details.ts';
import { commandIndex } from '../command-index/command-index.ts';
import type { RememberedRun } from './run-memory.ts';
import { answerFor, wordsFrom } from './shells.ts';
import { completionOf, type Completion } from './suggestions.ts';

let asked = 0;
beforeEach(() => (asked = 0));

const known: readonly RememberedRun[] = [
  { run: 'r-abcabcabca', name: 'tidy-otter', about: 'train.py, running' },
  { run: 'r-defdefdefd', name: null, about: 'train.py, failed' },
];
const runs = (): Promise<readonly RememberedRun[]> => {
  asked += 1;
  return Promise.resolve(known);
};

const complete = (line: string): Promise<Completion> =>
  completionOf(line.split(' '), { index: commandIndex, details: commandDetails, runs });

const values = async (line: string): Promise<string[]> => (await complete(line)).suggestions.map(({ value }) => value);

describe('completion', () => {
  test.each([
    ['lau', ['launch']],
    ['s', ['sandbox', 's3', 'status', 'stop']],
    ['checkpoint p', ['pull']],
    ['help checkpoint l', ['list']],
    ['sandbox se', []],
    ['nothing of this ', []],
  ])('of a command: %s', async (line, expected) => {
    expect((await values(line)).sort()).toEqual([...expected].sort());
  });

  test('tells what a command or a group is about', async () => {
    expect((await complete('checkp')).suggestions).toEqual([
      { value: 'checkpoint', about: 'Checkpoints of a run or a folder' },
    ]);
    expect((await complete('wai')).suggestions).toEqual([{ value: 'wait', about: 'Waits until a run ends' }]);
  });

  test.each([
    ['launch train.py --fallback-a', ['--fallback-after']],
    ['launch --resume-', ['--resume-argument']],
    ['transfer a b --comp', []],
    ['status --live --li', ['--limit']],
    ['status r-abc --he', ['--help']],
    ['launch --env A=b --en', ['--env']],
  ])('of an option: %s', async (line, expected) => {
    expect(await values(line)).toEqual(expected);
  });

  test.each([
    ['status --output ', ['text', 'json']],
    ['status --output=j', ['--output=json']],
    ['launch --resume n', ['never']],
    ['s3 sync a b --direction ', ['up', 'down', 'both']],
    ['launch --grace ', []],
    ['completion ', ['bash', 'zsh', 'fish']],
  ])('of a value: %s', async (line, expected) => {
    expect(await complete(line)).toEqual({
      suggestions: expected.map((value) => ({ value, about: '' })),
      files: false,
    });
  });

  test.each([
    ['launch ', true],
    ['launch train.py --config ', true],
    ['launch train.py -- --data ', true],
    ['s3 upload ', true],
    ['stop ', false],
    ['launch --budget ', false],
  ])('of files where one can stand: %s', async (line, files) => {
    expect((await complete(line)).files).toBe(files);
  });

  test('of runs, by name and by id, where a run can stand, and only there', async () => {
    expect((await complete('logs -f t')).suggestions).toEqual([
      { value: 'tidy-otter', about: 'r-abcabcabca, train.py, running' },
    ]);
    expect(await values('stop r-')).toEqual(['r-abcabcabca', 'r-defdefdefd']);
    expect(await values('checkpoint list t')).toEqual(['tidy-otter']);
    expect(asked).toBe(3);
    await values('launch t');
    await values('stop r-abcabcabca --gr');
    expect(asked).toBe(3);
  });

  test('offers options where no argument is missing any more', async () => {
    expect(await values('stop r-abc ')).toContain('--grace');
  });
});

describe('bash takes words apart', () => {
  test.each([[['status', '--output', '=', 'js']], [['status', '--output', '=']], [['status', '--output', 'js']]])(
    '%j',
    async (words) => {
      const joined = wordsFrom('bash', words);
      const completion = await completionOf(joined, { index: commandIndex, details: commandDetails, runs });
      expect(answerFor('bash', joined.at(-1) ?? '', completion)).toMatch(/^none\n(text\t\n)?json\t\n$/);
    },
  );

  test('other shells do not', () => {
    expect(wordsFrom('zsh', ['--output', '=', 'js'])).toEqual(['--output', '=', 'js']);
  });
});
