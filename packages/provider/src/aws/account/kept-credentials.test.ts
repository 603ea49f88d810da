import type { AwsCredentials } from '@runctl/aws-wire';
import { FakeClock } from '@runctl/testkit';
import { expect, test } from 'vitest';
import { keptCredentials } from './kept-credentials.ts';

/** A search that takes a second and finds keys that last so long. */
function searching(lastsMs: number) {
  const clock = new FakeClock();
  const state = { searches: 0, fails: false };
  const find = async (): Promise<AwsCredentials> => {
    const number = ++state.searches;
    await clock.sleep(1000);
    if (state.fails) throw new Error('log in again');
    return { accessKeyId: `AKIA${number}`, secretAccessKey: 's', expiresAtMs: clock.wallMs() + lastsMs };
  };
  const keys = keptCredentials(find, clock);
  const keyOf = async (options?: { refresh: boolean }) => (await clock.runUntil(keys(options))).accessKeyId;
  return { clock, state, keys, keyOf };
}

test('search once for all who ask at the same time', async () => {
  const { clock, state, keys } = searching(3_600_000);
  const asked = Promise.all([keys(), keys(), keys({ refresh: true })]);
  expect((await clock.runUntil(asked)).map(({ accessKeyId }) => accessKeyId)).toEqual(['AKIA1', 'AKIA1', 'AKIA1']);
  expect(state.searches).toBe(1);
});

test('are kept until five minutes before they expire', async () => {
  const { clock, keyOf } = searching(3_600_000);
  expect(await keyOf()).toBe('AKIA1');
  await clock.advance(3_600_000 - 301_000);
  expect(await keyOf()).toBe('AKIA1');
  await clock.advance(2000);
  expect(await keyOf()).toBe('AKIA2');
});

test('serve while they are valid, though they can not be renewed', async () => {
  const { clock, state, keyOf } = searching(3_600_000);
  await keyOf();
  state.fails = true;
  await clock.advance(3_600_000 - 200_000);
  expect(await keyOf()).toBe('AKIA1');
  expect(await keyOf()).toBe('AKIA1');
  expect(state.searches).toBe(2);
  await clock.advance(16_000);
  expect(await keyOf()).toBe('AKIA1');
  expect(state.searches).toBe(3);
  await clock.advance(200_000);
  await expect(keyOf()).rejects.toThrow('log in again');
});

test('that last less than five minutes are not searched for at each request', async () => {
  const { clock, state, keyOf } = searching(120_000);
  expect(await keyOf()).toBe('AKIA1');
  expect(await keyOf()).toBe('AKIA1');
  await clock.advance(16_000);
  expect(await keyOf()).toBe('AKIA2');
  expect(state.searches).toBe(2);
});

test('that the service refused are not given again', async () => {
  const { state, keyOf } = searching(3_600_000);
  await keyOf();
  expect(await keyOf({ refresh: true })).toBe('AKIA2');
  state.fails = true;
  await expect(keyOf({ refresh: true })).rejects.toThrow('log in again');
});
