import type { AttemptStatus } from '@runctl/protocol';
import { MemoryStore } from '@runctl/store';
import { FakeClock } from '@runctl/testkit';
import { expect, test } from 'vitest';
import { WrittenRun } from '../testing/written-run.ts';
import { savesAtStop, type StopHabit, stopHabitOf } from './stop-habit.ts';

const RUN = 'r-aaaaaaaaaa';
const shows = (catchesTerm: boolean | null, ignoresTerm = false): AttemptStatus['workload'] => ({
  catchesTerm,
  ignoresTerm,
  containment: 'best-effort',
  program: '/usr/bin/python3.11',
  reason: null,
});
const [catches, dies, ignores, unknown] = [shows(true), shows(false), shows(null, true), shows(null)];

interface Life {
  readonly seen?: AttemptStatus['workload'];
  /** Whether a new checkpoint appeared at a stop; left out where none came. */
  readonly saved?: boolean;
}

async function written(lives: readonly Life[]) {
  const clock = new FakeClock();
  const store = new MemoryStore({ clock });
  const run = new WrittenRun(store, RUN, clock);
  for (const [index, { seen = null, saved }] of lives.entries()) {
    await run.started(index + 1);
    await run.heartbeat(index + 1, { workload: seen });
    if (saved !== undefined) await run.interrupted(index + 1, { step: 1, newCheckpoint: saved, caughtTerm: saved });
  }
  return store;
}

const YES = true;
const NO = false;
test.each<[what: string, lives: readonly Life[], habit: StopHabit, saves: boolean | null]>([
  ['no life', [], null, null],
  ['a life that shows nothing', [{}], null, null],
  ['a handler', [{ seen: catches }], 'saves', YES],
  ['no handler', [{ seen: dies }], 'dies', NO],
  ['SIGTERM ignored', [{ seen: ignores }], 'ignores', null],
  ['a save at a stop without a handler', [{ seen: dies, saved: true }, { seen: dies }], 'saves', YES],
  ['a save at a stop of a script that ignores it', [{ seen: ignores, saved: true }, { seen: ignores }], 'saves', YES],
  ['a save in the first of three lives', [{ saved: true }, { saved: false }, { seen: dies }], 'saves', YES],
  ['a stop without a new save', [{ seen: dies, saved: false }, { seen: dies }], 'dies', NO],
  ['nothing yet, after a life without a handler', [{ seen: dies }, { seen: unknown }], 'died', NO],
  ['nothing seen, after a life without a handler', [{ seen: dies }, {}], 'died', NO],
  ['nothing yet, after a life with a handler', [{ seen: catches }, { seen: unknown }], null, null],
  ['a handler, after a life without one', [{ seen: dies }, { seen: catches }], 'saves', YES],
])('of lives that show %s one answer is given everywhere', async (_what, lives, habit, saves) => {
  const records = lives.map(({ seen = null, saved }) => ({
    status: { document: { workload: seen } },
    drain: saved === undefined ? null : { newCheckpoint: saved },
  }));
  // No more than this is read of a life.
  expect(stopHabitOf(records as unknown as Parameters<typeof stopHabitOf>[0])).toBe(habit);
  expect(await savesAtStop(await written(lives), RUN)).toBe(saves);
});
