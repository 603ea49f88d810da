import { expect, test } from 'vitest';
import { PassedOverAccount } from './passed-over-account.ts';

const link = (path: string) => ({
  path,
  why: 'is a link to /data, outside of the checkpoint folder, and not followed',
});

test('tells each thing once, over all passes', () => {
  const account = new PassedOverAccount();
  const pipe = { path: 'pipe', why: 'is a pipe, and no checkpoint' };
  expect(account.news([link('data')])).toEqual([expect.stringMatching(/^not kept: data is a link to \/data/)]);
  expect(account.news([link('data')])).toEqual([]);
  expect(account.news([link('data'), pipe])).toEqual(['not kept: pipe is a pipe, and no checkpoint']);
  expect(account.news([pipe])).toEqual([]);
});

test('the same thing in each step is told with the first', () => {
  const account = new PassedOverAccount();
  expect(account.news([link('checkpoint-100/data')])).toHaveLength(1);
  expect(account.news([link('checkpoint-100/data'), link('checkpoint-200/data')])).toEqual([]);
});

test('of many at once some are named and the rest counted', () => {
  const lines = new PassedOverAccount().news(Array.from('abcdef', (name) => link(name)));
  expect(lines).toHaveLength(4);
  expect(lines.at(-1)).toMatch(/3 more in the checkpoint folder/);
});
