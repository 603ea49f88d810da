import { expect, test } from 'vitest';
import { providerProblemText } from './provider-problem.ts';

const nothing = { code: 'Word', message: '', offer: null, restsUntilMs: null };

test.each([
  [nothing, 'Word'],
  [{ ...nothing, message: 'no room' }, 'no room (Word)'],
  [{ ...nothing, message: 'no room', offer: { machineType: 'g5', location: null } }, 'g5: no room (Word)'],
  [
    {
      ...nothing,
      message: 'no room',
      offer: { machineType: 'g5', location: 'a' },
      restsUntilMs: Date.parse('2026-11-30T20:13:05Z'),
    },
    'g5 in a: no room (Word); not tried again before 2026-11-30T20:13:05.000Z',
  ],
])('%#: what a provider says, with its place, its word and its rest', (problem, text) => {
  expect(providerProblemText(problem)).toBe(text);
});
