import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  RunctlError,
  backoffMs,
  errorCatalog,
  exitCodes,
  formatBytes,
  formatDuration,
  formatUsd,
  messageOf,
  nearest,
  newRunId,
  parseDuration,
  runIdPattern,
  systemClock,
} from './index.ts';

test('every error code has an exit code that is explained', () => {
  for (const exitCode of Object.values(errorCatalog)) expect(exitCodes).toHaveProperty(String(exitCode));
});

test('run ids have the form that the bucket expects and do not repeat', () => {
  const ids = new Set(Array.from({ length: 1000 }, () => newRunId()));
  expect(ids.size).toBe(1000);
  for (const id of ids) expect(id).toMatch(runIdPattern);
});

test.each([
  ['90s', 90_000],
  ['1h30m', 5_400_000],
  ['250ms', 250],
  ['2d', 172_800_000],
  ['45', 45_000],
  ['1.5h', 5_400_000],
  ['', null],
  ['soon', null],
  ['10x', null],
  ['5m junk', null],
])('parses the duration %j as %j', (text, ms) => {
  expect(parseDuration(text)).toBe(ms);
});

test.each([
  [0, '0 ms'],
  [1234, '1.2 s'],
  [59_400, '59 s'],
  [190_000, '3m 10s'],
  [86_400_000 + 4 * 3_600_000, '1d 4h'],
  [3_600_000, '1h'],
])('shows %d ms as %s', (ms, text) => {
  expect(formatDuration(ms)).toBe(text);
});

test('amounts read well', () => {
  expect([formatBytes(512), formatBytes(1536), formatBytes(2 ** 31)]).toEqual(['512 B', '1.5 KiB', '2.0 GiB']);
  expect([formatUsd(0), formatUsd(0.0031), formatUsd(12.5)]).toEqual(['$0.00', '$0.0031', '$12.50']);
});

test('names the nearest word, and none when nothing is near', () => {
  expect(nearest('lauch', ['launch', 'status', 'logs'])).toBe('launch');
  expect(nearest('xyzzy', ['launch', 'status'])).toBeNull();
});

test('an error carries its causes into one line', () => {
  const error = new RunctlError('internal', 'outer', { cause: new Error('inner', { cause: 'root' }) });
  expect(messageOf(error)).toBe('outer: inner: root');
  expect(error.exitCode).toBe(1);
});

test('the pause between tries grows, is jittered, and never exceeds its ceiling', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 30 }), fc.double({ min: 0, max: 0.999, noNaN: true }), (attempt, random) => {
      const pause = backoffMs({ attempts: 30, baseMs: 100, maxMs: 5000 }, attempt, random);
      const ceiling = Math.min(5000, 100 * 2 ** (attempt - 1));
      expect(pause).toBeGreaterThanOrEqual(Math.floor(ceiling / 2));
      expect(pause).toBeLessThanOrEqual(ceiling);
    }),
  );
});

test('a sleep ends at once when its signal aborts', async () => {
  const abort = new AbortController();
  const sleeping = systemClock.sleep(60_000, abort.signal);
  abort.abort(new Error('enough'));
  await expect(sleeping).rejects.toThrow('enough');
});
