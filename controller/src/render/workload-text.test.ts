import { expect, test } from 'vitest';
import { styles } from './style.ts';
import { workloadRows } from './workload-text.ts';

const style = styles(false);
const workload = {
  catchesTerm: false,
  containment: 'best-effort',
  program: '/usr/bin/python3.11',
  reason: 'it catches SIGTERM',
} as const;

test('a healthy run that an interruption would hurt says so, and by what it is run', () => {
  expect(workloadRows({ workload }, { style, verbose: false })).toEqual([
    ['program', '/usr/bin/python3.11'],
    ['SIGTERM', 'nothing catches it: an interruption loses everything since the last save'],
  ]);
});

test.each([
  ['that catches SIGTERM', { workload: { ...workload, catchesTerm: true } }],
  ['of which that is not known', { workload: { ...workload, catchesTerm: null } }],
])('a run %s says nothing about SIGTERM', (_name, status) => {
  expect(workloadRows(status, { style, verbose: false })).toEqual([['program', '/usr/bin/python3.11']]);
});

test('why a stop reaches that program first is said when asked for', () => {
  expect(workloadRows({ workload }, { style, verbose: true })[0]).toEqual([
    'program',
    '/usr/bin/python3.11, which a stop reaches first: it catches SIGTERM',
  ]);
});

test('which guarantee holds for what it leaves behind is said when asked for', () => {
  const text = (containment: 'control-group' | 'best-effort') =>
    workloadRows({ workload: { ...workload, containment } }, { style, verbose: true }).at(-1)?.[1];
  expect(text('control-group')).toContain('found and ended');
  expect(text('best-effort')).toContain('as far as it can be found');
});

test('an agent that sees no processes says nothing', () => {
  expect(workloadRows({ workload: null }, { style, verbose: true })).toEqual([]);
  expect(workloadRows(undefined, { style, verbose: true })).toEqual([]);
});
