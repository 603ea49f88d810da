import { expect, test } from 'vitest';
import type { WorkloadTraits } from '../workload/supervisor/supervisor.ts';
import { WorkloadView } from './workload-view.ts';

const traits = (catchesTerm: boolean | null, ignoresTerm = false): WorkloadTraits => ({
  catchesTerm,
  ignoresTerm,
  containment: 'best-effort',
  program: '/usr/bin/python3',
  reason: null,
});

/** A view of a workload that catches SIGTERM or not, as the last call of `does` said. */
function viewed(first: boolean | null) {
  let now: boolean | null = first;
  const view = new WorkloadView();
  view.runs(() => traits(now));
  return {
    view,
    does: (catches: boolean | null) => (now = catches),
    seen: (nowMs: number, isAlive = true) => view.look(nowMs, isAlive)?.catchesTerm,
  };
}

test('nothing is known before a workload runs', () => {
  expect(new WorkloadView().look(0, true)).toBeNull();
});

test('that nothing catches SIGTERM is believed once a script has shown life and had the time to set its handler', () => {
  const { seen } = viewed(false);
  expect(seen(0, false)).toBeNull();
  expect(seen(60_000, false)).toBeNull();
  expect(seen(60_001)).toBeNull();
  expect(seen(65_000)).toBeNull();
  expect(seen(65_001)).toBe(false);
});

test('a handler is believed at once, and its loss after a while', () => {
  const { does, seen } = viewed(true);
  expect(seen(0, false)).toBe(true);
  does(false);
  expect(seen(1)).toBe(true);
  expect(seen(6000)).toBe(false);
});

test('what was seen outlives the workload, and the start of the next one', () => {
  const { seen, view } = viewed(false);
  seen(0);
  expect(seen(5000)).toBe(false);
  view.ended();
  expect(seen(6000)).toBe(false);
  view.runs(() => traits(false));
  expect(seen(7000, false)).toBe(false);
  view.runs(() => traits(true));
  expect(seen(8000, false)).toBe(true);
});

test.each<[couldSave: boolean | null, isAlive: boolean, kept: boolean | null]>([
  [true, false, true],
  [true, true, true],
  [false, true, false],
  // It may have been told while it still imported what it needs.
  [false, false, null],
  [null, true, null],
])('SIGTERM, caught: %s (alive before: %s), leaves %s', (couldSave, isAlive, kept) => {
  const { does, seen, view } = viewed(false);
  seen(0, isAlive);
  view.toldToStop(couldSave);
  does(true);
  expect(seen(60_000)).toBe(kept);
});

test('that a script which ignores SIGTERM did not catch one says nothing of whether it saves', () => {
  const view = new WorkloadView();
  view.runs(() => traits(null, true));
  expect(view.look(0, true)).toMatchObject({ catchesTerm: null, ignoresTerm: false });
  expect(view.look(5000, true)).toMatchObject({ catchesTerm: null, ignoresTerm: true });
  view.toldToStop(false);
  expect(view.look(60_000, true)).toMatchObject({ catchesTerm: null, ignoresTerm: true });
});
