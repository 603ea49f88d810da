import { silentLog } from '@runctl/core';
import { StoreError, type StoreErrorKind } from '@runctl/store';
import { FakeClock } from '@runctl/testkit';
import { expect, test } from 'vitest';
import { sendPatiently } from './output-patience.ts';

const MINUTE = 60_000;

interface Tries {
  readonly kind?: StoreErrorKind;
  /** Each try keeps something before it fails. */
  readonly keeps?: boolean;
}

/** How sending ends whose tries take these times and fail, but for the last, which takes a moment. */
async function sending(triesMs: readonly number[], { kind = 'transient', keeps = false }: Tries = {}): Promise<string> {
  const clock = new FakeClock();
  let tries = 0;
  const send = async (onKept: () => void): Promise<string> => {
    const ms = triesMs[tries++];
    await clock.sleep(ms ?? 0);
    if (ms === undefined) return `sent after ${tries} tries`;
    if (keeps) onKept();
    throw new StoreError(kind, `try ${tries}`);
  };
  const patience = { refusedMs: 5 * MINUTE, clock, log: silentLog, signal: new AbortController().signal };
  const sent = sendPatiently(send, patience).catch((error: Error) => `gave up at ${error.message}`);
  return clock.runUntil(sent, { stepMs: 1000, limitMs: 4 * 60 * MINUTE });
}

const LATE = [20 * MINUTE, 10 * MINUTE, 6 * MINUTE, 8 * MINUTE, 7 * MINUTE];

test.each<[string, readonly number[], Tries, string]>([
  ['is given up after five minutes of trouble', Array<number>(10).fill(MINUTE), {}, 'gave up at try 6'],
  ['that fails late has used up no patience', [20 * MINUTE], {}, 'sent after 2 tries'],
  ['that fails late again and is kept is tried on', LATE, { keeps: true }, 'sent after 6 tries'],
  ['of which nothing is kept is given up at the third late failure', LATE, {}, 'gave up at try 3'],
  ['that is refused late has used up patience', LATE, { kind: 'denied' }, 'gave up at try 2'],
  ['that is refused late for good has too', LATE, { kind: 'permanent', keeps: true }, 'gave up at try 2'],
  ['that is in conflict late has not', LATE.slice(0, 2), { kind: 'conflict' }, 'sent after 3 tries'],
  ['that was refused once is tried again', [20 * MINUTE], { kind: 'denied' }, 'sent after 2 tries'],
  [
    'counts trouble anew after a try that went well for long',
    [MINUTE, MINUTE, 9 * MINUTE, MINUTE],
    {},
    'sent after 5 tries',
  ],
])('an upload %s', async (_what, triesMs, tries, end) => {
  expect(await sending(triesMs, tries)).toBe(end);
});
