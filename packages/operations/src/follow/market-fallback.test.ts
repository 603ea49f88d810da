import { expect, test } from 'vitest';
import { fallbackStep, SWITCH_SHOWS_MS, type FallbackState } from './market-fallback.ts';

const waiting: FallbackState = {
  waitedMs: 300_000,
  limitMs: 300_000,
  market: 'spot',
  canSwitch: true,
  sinceSwitchMs: null,
  canReplace: true,
};
const switched = { sinceSwitchMs: SWITCH_SHOWS_MS };

test.each<[string, Partial<FallbackState>, ReturnType<typeof fallbackStep>]>([
  ['the time is over', {}, 'switch'],
  ['it is not over yet', { waitedMs: 299_999 }, 'wait'],
  ['nobody wants on-demand', { limitMs: null }, 'wait'],
  ['it is on-demand already', { market: 'on-demand' }, 'wait'],
  ['its market is not known', { market: null }, 'wait'],
  ['the provider has one market', { canSwitch: false }, 'wait'],
  ['the switch was a moment ago', { sinceSwitchMs: SWITCH_SHOWS_MS - 1 }, 'wait'],
  ['the switch has not helped for a minute', switched, 'replace'],
  ['nobody can ask anew, or it was done', { ...switched, canReplace: false }, 'wait'],
  ['the switch has not helped, however long all took', { ...switched, waitedMs: 0 }, 'replace'],
])('a launch without a machine, where %s: %#', (_where, changes, step) => {
  expect(fallbackStep({ ...waiting, ...changes })).toBe(step);
});
