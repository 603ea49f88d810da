import { expect, test } from 'vitest';
import { styles } from './style.ts';
import { workloadRows } from './workload-text.ts';

const style = styles(false);
const workload = {
  catchesTerm: false,
  ignoresTerm: false,
  containment: 'best-effort',
  program: '/usr/bin/python3.11',
  reason: 'it catches SIGTERM',
} as const;
const plain = { style, verbose: false } as const;

test('a healthy run that an interruption would hurt says so, and by what it is run', () => {
  expect(workloadRows({ workload }, { ...plain, habit: 'dies' })).toEqual([
    ['program', '/usr/bin/python3.11'],
    ['SIGTERM', 'nothing catches it: an interruption loses everything since the last save'],
  ]);
});

test.each(['saves', null] as const)('one of which it is known to save, or not known, says nothing (%s)', (habit) => {
  expect(workloadRows({ workload }, { ...plain, habit })).toEqual([['program', '/usr/bin/python3.11']]);
});

test('a script that ignores SIGTERM is not called losing, and what is not known of it is said', () => {
  expect(workloadRows({ workload }, { ...plain, habit: 'ignores' })[1]).toEqual([
    'SIGTERM',
    'the script ignores it: whether the script watches RUNCTL_PREEMPT_FILE and saves then is not known: a rehearsal (drill) shows it',
  ]);
});

test('a life of which nothing is seen yet says what the one before has shown', () => {
  const rows = workloadRows({ workload: null }, { ...plain, habit: 'died' });
  expect(rows).toEqual([['SIGTERM', expect.stringContaining('nothing caught it in the life before')]]);
});

test('why a stop reaches that program first is said when asked for', () => {
  expect(workloadRows({ workload }, { style, verbose: true, habit: null })[0]).toEqual([
    'program',
    '/usr/bin/python3.11, which a stop reaches first: it catches SIGTERM',
  ]);
});

test('which guarantee holds for what it leaves behind is said when asked for', () => {
  const text = (containment: 'control-group' | 'best-effort') =>
    workloadRows({ workload: { ...workload, containment } }, { style, verbose: true, habit: null }).at(-1)?.[1];
  expect(text('control-group')).toContain('found and ended');
  expect(text('best-effort')).toContain('as far as it can be found');
});

test('an agent that sees no processes says nothing', () => {
  expect(workloadRows({ workload: null }, { style, verbose: true, habit: null })).toEqual([]);
  expect(workloadRows(undefined, { style, verbose: true, habit: null })).toEqual([]);
});
