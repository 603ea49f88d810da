import { expect, test } from 'vitest';
import { asSeenFrom } from './clock-offset.ts';

const HOUR_MS = 3_600_000;

test('dates in headers and in listings move back by what the other clock is ahead, and nothing else changes', () => {
  const headers = { 'last-modified': 'Sun, 22 Nov 2026 05:00:00 GMT', etag: '"2026"' };
  expect(asSeenFrom({ status: 200, headers }, HOUR_MS)).toEqual({
    status: 200,
    headers: { 'last-modified': 'Sun, 22 Nov 2026 04:00:00 GMT', etag: '"2026"' },
  });
  const body = '<Contents><Key>at 2026</Key><LastModified>2026-11-22T05:00:00.000Z</LastModified></Contents>';
  expect(asSeenFrom({ status: 200, body }, -HOUR_MS)).toMatchObject({
    body: '<Contents><Key>at 2026</Key><LastModified>2026-11-22T06:00:00.000Z</LastModified></Contents>',
  });
});
