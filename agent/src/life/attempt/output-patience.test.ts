import { silentLog } from '@runctl/core';
import { StoreError } from '@runctl/store';
import { FakeClock } from '@runctl/testkit';
import { expect, test } from 'vitest';
import { sendPatiently } from './output-patience.ts';

const MINUTE = 60_000;

/** How sending ends whose tries take these times and fail, but for the last, which takes a moment. */
async function sending(triesMs: readonly number[]): Promise<string> {
  const clock = new FakeClock();
  let tries = 0;
  const send = async (): Promise<string> => {
    const ms = triesMs[tries++];
    await clock.sleep(ms ?? 0);
    if (ms === undefined) return `sent after ${tries} tries`;
    throw new StoreError('transient', `try ${tries}`);
  };
  const patience = { refusedMs: 5 * MINUTE, clock, log: silentLog, signal: new AbortController().signal };
  const sent = sendPatiently(send, patience).catch((error: Error) => `gave up at ${error.message}`);
  return clock.runUntil(sent, { stepMs: 1000, limitMs: 4 * 60 * MINUTE });
}

test.each<[string, readonly number[], string]>([
  ['is given up after five minutes of trouble', Array<number>(10).fill(MINUTE), 'gave up at try 6'],
  ['that fails late has used up no patience', [20 * MINUTE], 'sent after 2 tries'],
  ['that fails late again and again is tried on', [20 * MINUTE, 10 * MINUTE, 6 * MINUTE], 'sent after 4 tries'],
  [
    'counts trouble anew after a try that went well for long',
    [MINUTE, MINUTE, 9 * MINUTE, MINUTE],
    'sent after 5 tries',
  ],
])('an upload %s', async (_what, triesMs, end) => {
  expect(await sending(triesMs)).toBe(end);
});
