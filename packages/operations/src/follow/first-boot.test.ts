import type { RentedMachine } from '@runctl/provider';
import { defaultTiming, scaledTiming } from '@runctl/protocol';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { afterLook, FirstBoot, firstBootLimits, nothingBooted, silence, type FirstBootState } from './first-boot.ts';

const MINUTE = 60_000;
const limits = firstBootLimits(defaultTiming);
type Ended = 'taken-back' | 'no-capacity' | 'powered-off' | 'ended' | 'failed' | 'unknown';

function machine(machineId: string, state: RentedMachine['state'], kind: Ended | null = null): RentedMachine {
  return {
    machineId,
    state,
    machineType: 'g5.xlarge',
    location: 'a',
    market: 'spot',
    addresses: { private: null, public: null },
    launchedAtMs: 0,
    endReason: kind,
    endCause:
      kind === null ? null : { kind, text: `because of ${kind}`, hint: kind === 'failed' ? 'mend the key' : null },
    run: 'r-1',
    launch: 1,
  };
}

const runs = (id: string) => machine(id, 'running');
const gone = (id: string, kind: Ended = 'powered-off') => machine(id, 'ended', kind);

/** The state after looks, a pair each: minutes since the beginning, and the machines then. */
function seen(...looks: readonly (readonly [minutes: number, machines: readonly RentedMachine[]])[]): FirstBootState {
  return looks.reduce((state, [minutes, machines]) => afterLook(state, machines, minutes * MINUTE), nothingBooted);
}

const said = (state: FirstBootState, boots: Parameters<typeof silence>[1]['boots'] = []) =>
  silence(state, { boots, limits, run: 'r-1' });

describe('a launch is given up', () => {
  test.each<[what: string, state: FirstBootState, text: RegExp]>([
    [
      'after three machines',
      seen([1, [gone('a'), gone('b'), gone('c'), runs('d')]]),
      /^3 machines ended before an agent spoke \(a: because of powered-off; b/,
    ],
    [
      'after machines that somebody ended',
      seen([1, [gone('a', 'ended'), gone('b', 'ended'), gone('c', 'ended')]]),
      /^3 machines/,
    ],
    [
      'after machines that could not be started',
      seen([1, [gone('a', 'failed'), gone('b', 'failed'), gone('c', 'failed')]]),
      /^3 machines/,
    ],
    ['after machines of which nobody says why', seen([1, [gone('a', 'unknown'), gone('b'), gone('c')]]), /^3 machines/],
    [
      'after machines that are ending',
      seen([1, [gone('a'), gone('b'), machine('c', 'ending', 'powered-off')]]),
      /^3 machines/,
    ],
    [
      '20 minutes after one began to run',
      seen([0, [runs('a')]], [20, [runs('a')]]),
      /^machines ran for 20m, and no agent spoke$/,
    ],
    [
      'after several that ran for 20 minutes together',
      seen([0, [runs('a')]], [12, [gone('a')]], [100, [gone('a'), runs('b')]], [108, [gone('a'), runs('b')]]),
      /ran for 20m, .* \(a: because/,
    ],
  ])('%s', (_what, state, text) => {
    const error = said(state);
    expect(error?.code).toBe('boot-failed');
    expect(error?.message).toMatch(text);
    expect(error?.hint).toContain('runctl resume r-1');
  });

  test('with what the last boot reported, and what the provider would do about it', () => {
    const boots = [{ stage: 'fetching the agent', message: 'AccessDenied' }];
    const error = said(seen([1, [gone('a', 'failed'), gone('b'), gone('c')]]), boots);
    expect(error?.message).toMatch(/; the last report says, at "fetching the agent": AccessDenied$/);
    expect(error?.hint).toMatch(/^mend the key; mend it, then/);
  });
});

describe('a launch is not given up', () => {
  test.each<[what: string, state: FirstBootState]>([
    ['while it waits for capacity, for days', seen([0, []], [1000, []], [5000, []])],
    ['while its machine boots', seen([0, [machine('a', 'starting')]], [500, [machine('a', 'starting')]])],
    ['just before 20 minutes', seen([0, [runs('a')]], [19.9, [runs('a')]])],
    ['for two machines', seen([1, [gone('a'), gone('b'), runs('c')]])],
    [
      'for the time between machines',
      seen([0, [runs('a')]], [1, [gone('a')]], [600, [gone('a')]], [601, [gone('a'), runs('b')]]),
    ],
    [
      'for machines that were taken back',
      seen([1, [gone('a', 'taken-back'), gone('b', 'taken-back'), gone('c', 'taken-back')]]),
    ],
    [
      'for machines that there was no room for',
      seen([1, [gone('a', 'no-capacity'), gone('b', 'no-capacity'), gone('c')]]),
    ],
    ['for a clock that goes back', seen([100, [runs('a')]], [50, [runs('a')]], [51, [runs('a')]])],
  ])('%s', (_what, state) => {
    expect(said(state)).toBeNull();
  });

  test('once an agent has spoken, whatever becomes of machines', () => {
    const boot = new FirstBoot({ ends: true });
    boot.hear();
    const three = [gone('a'), gone('b'), gone('c')];
    expect(() => boot.look(three, { atMs: 0, boots: [], run: 'r-1', timing: defaultTiming })).not.toThrow();
  });

  test('where nobody is to end it', () => {
    const boot = new FirstBoot({ ends: false });
    const three = [gone('a'), gone('b'), gone('c')];
    expect(() => boot.look(three, { atMs: 0, boots: [], run: 'r-1', timing: defaultTiming })).not.toThrow();
    expect(boot.hasMachine).toBe(true);
  });
});

test('never more than three machines and 20 minutes of one are lost, whatever comes in which order', () => {
  const look = fc.record({
    minutes: fc.double({ min: 0.01, max: 5, noNaN: true }),
    runs: fc.boolean(),
    dies: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(look, { minLength: 1, maxLength: 200 }), (looks) => {
      let state = nothingBooted;
      let atMs = 0;
      let ranMs = 0;
      const dead: RentedMachine[] = [];
      let living = false;
      for (const { minutes, runs: comes, dies } of looks) {
        if (said(state) !== null) break;
        const spentMs = minutes * MINUTE;
        atMs += spentMs;
        if (living) ranMs += spentMs;
        if (living && dies) dead.push(gone(`m${dead.length}`));
        living = (living && !dies) || (!living && comes);
        state = afterLook(state, living ? [...dead, runs('now')] : dead, atMs);
      }
      expect(dead.length).toBeLessThanOrEqual(limits.machines);
      // One look late at most.
      expect(ranMs).toBeLessThanOrEqual(limits.runningMs + 5 * MINUTE);
    }),
  );
});

test('a rehearsal waits less long, and still long enough for a slow machine', () => {
  const boot = new FirstBoot({ ends: true });
  const lookAt = (minutes: number) =>
    boot.look([runs('a')], { atMs: minutes * MINUTE, boots: [], run: 'r-1', timing: scaledTiming(0.01) });
  lookAt(0);
  expect(() => lookAt(4.9)).not.toThrow();
  expect(() => lookAt(5)).toThrow(/machines ran for 5m, and no agent spoke/);
});
