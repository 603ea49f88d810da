import { expect, test } from 'vitest';
import { styles } from './style.ts';
import { earlierLivesOf, workloadRows } from './workload-text.ts';

const style = styles(false);
const workload = {
  catchesTerm: false,
  ignoresTerm: false,
  containment: 'best-effort',
  program: '/usr/bin/python3.11',
  reason: 'it catches SIGTERM',
} as const;
const earlier = { workload: null, savedAtStop: false };

test('a healthy run that an interruption would hurt says so, and by what it is run', () => {
  expect(workloadRows({ workload }, { style, verbose: false, earlier })).toEqual([
    ['program', '/usr/bin/python3.11'],
    ['SIGTERM', 'nothing catches it: an interruption loses everything since the last save'],
  ]);
});

test.each([
  ['that catches SIGTERM', { workload: { ...workload, catchesTerm: true } }],
  ['of which that is not known', { workload: { ...workload, catchesTerm: null } }],
])('a run %s says nothing about SIGTERM', (_name, status) => {
  expect(workloadRows(status, { style, verbose: false, earlier })).toEqual([['program', '/usr/bin/python3.11']]);
});

test('a script that ignores SIGTERM is not called losing, and what is not known of it is said', () => {
  const rows = workloadRows(
    { workload: { ...workload, catchesTerm: null, ignoresTerm: true } },
    { style, verbose: false, earlier },
  );
  expect(rows[1]).toEqual([
    'SIGTERM',
    'the script ignores it: whether the script watches RUNCTL_PREEMPT_FILE and saves then is not known: a rehearsal (drill) shows it',
  ]);
});

test.each([
  ['ignores SIGTERM', { catchesTerm: null, ignoresTerm: true }],
  ['does not catch it', {}],
])('a script that %s and saved at an interruption all the same says nothing about it', (_name, seen) => {
  const rows = workloadRows(
    { workload: { ...workload, ...seen } },
    { style, verbose: false, earlier: { ...earlier, savedAtStop: true } },
  );
  expect(rows).toEqual([['program', '/usr/bin/python3.11']]);
});

test.each([
  ['has just begun', null, false, 1],
  ['has set its handler', true, false, 0],
  ['ignores it', null, true, 1],
])(
  'a life that %s says what the one before has shown until it tells by itself',
  (_name, catchesTerm, ignoresTerm, rows) => {
    const lives = [{ ...workload }, { ...workload, catchesTerm, ignoresTerm }].map((each) => ({
      status: { document: { workload: each } },
      drain: null,
    }));
    // No more than this is read of a life.
    const known = earlierLivesOf(lives as unknown as Parameters<typeof earlierLivesOf>[0]);
    const shown = workloadRows(
      { workload: { ...workload, catchesTerm, ignoresTerm } },
      { style, verbose: false, earlier: known },
    );
    const before = 'nothing caught it in the life before: an interruption loses everything since the last save';
    expect(shown.slice(1).map(([, text]) => text === before || ignoresTerm)).toEqual(
      Array.from({ length: rows }, () => true),
    );
  },
);

test('a life of which nothing is seen yet says what the one before has shown', () => {
  const rows = workloadRows({ workload: null }, { style, verbose: false, earlier: { workload, savedAtStop: false } });
  expect(rows).toEqual([['SIGTERM', expect.stringContaining('nothing caught it in the life before')]]);
});

test('why a stop reaches that program first is said when asked for', () => {
  expect(workloadRows({ workload }, { style, verbose: true, earlier })[0]).toEqual([
    'program',
    '/usr/bin/python3.11, which a stop reaches first: it catches SIGTERM',
  ]);
});

test('which guarantee holds for what it leaves behind is said when asked for', () => {
  const text = (containment: 'control-group' | 'best-effort') =>
    workloadRows({ workload: { ...workload, containment } }, { style, verbose: true, earlier }).at(-1)?.[1];
  expect(text('control-group')).toContain('found and ended');
  expect(text('best-effort')).toContain('as far as it can be found');
});

test('an agent that sees no processes says nothing', () => {
  expect(workloadRows({ workload: null }, { style, verbose: true, earlier })).toEqual([]);
  expect(workloadRows(undefined, { style, verbose: true, earlier })).toEqual([]);
});
