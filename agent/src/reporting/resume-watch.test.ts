import { expect, test } from 'vitest';
import { judgeResume, type ResumeSigns } from './resume-watch.ts';

const signs = (steps: readonly number[], other: Partial<ResumeSigns> & { total?: number } = {}): ResumeSigns => ({
  givenStep: 40,
  beginning: { steps, total: other.total ?? null },
  isEmpty: false,
  ...other,
});

test.each<[string, ResumeSigns, ReturnType<typeof judgeResume>]>([
  ['goes on at the next step', signs([41, 42]), 'followed'],
  ['repeats the step it was given', signs([40]), 'followed'],
  ['begins at 1', signs([1, 2]), 'ignored'],
  ['begins at 0 with one step to judge by', signs([0]), null],
  ['has a bar that begins at 0 and jumps to where it goes on', signs([0, 41]), 'followed'],
  ['has gone far in its first reports', signs([10, 20]), 'ignored'],
  ['says nothing', signs([]), null],
  ['says nothing, and its folder is empty', signs([], { isEmpty: true }), 'ignored'],
  ['emptied its folder after it had read it', signs([41], { isEmpty: true }), 'followed'],
  ['counts within an epoch of 25 steps', signs([1, 2], { total: 25 }), 'followed'],
  ['counts all of its 100 steps from 1', signs([1, 2], { total: 100 }), 'ignored'],
  ['was given a checkpoint without a step', signs([1, 2], { givenStep: null }), null],
  [
    'was given one without a step, and emptied its folder',
    signs([1, 2], { givenStep: null, isEmpty: true }),
    'ignored',
  ],
])('judges the resume of a script that %s', (_, given, judgement) => {
  expect(judgeResume(given)).toBe(judgement);
});
