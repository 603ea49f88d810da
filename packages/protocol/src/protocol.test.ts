import fc from 'fast-check';
import { isRunctlError } from '@runctl/core';
import { expect, test } from 'vitest';
import {
  bucketKeys,
  compareOrder,
  controlDocument,
  decodeDocument,
  FORMAT_VERSION,
  defaultTiming,
  encodeDocument,
  latestPointer,
  parseAttemptKey,
  parseIndexKey,
  parseLaunchKey,
  parseLogKey,
  parseManifestKey,
  runKeys,
  scaledTiming,
  timing,
} from './index.ts';

const keys = runKeys('r-abcdefghij');
const order = fc.record({
  generation: fc.integer({ min: 1, max: 999_999 }),
  seq: fc.integer({ min: 1, max: 99_999_999 }),
});

test('manifests sort in a listing as checkpoints are ordered', () => {
  fc.assert(
    fc.property(order, order, (a, b) => {
      expect(Math.sign(compareOrder(a, b))).toBe(
        Math.sign(keys.manifest(a) < keys.manifest(b) ? -1 : keys.manifest(a) > keys.manifest(b) ? 1 : 0),
      );
    }),
  );
});

test('the newest run comes first in a listing of the index', () => {
  fc.assert(
    fc.property(fc.nat(2 ** 45), fc.nat(2 ** 45), (a, b) => {
      fc.pre(a !== b);
      const [older, newer] = a < b ? [a, b] : [b, a];
      expect(bucketKeys.index(newer, 'r-aaaaaaaaaa') < bucketKeys.index(older, 'r-aaaaaaaaaa')).toBe(true);
    }),
  );
});

test('every key that is parsed gives back what it was built from', () => {
  fc.assert(
    fc.property(order, fc.nat(9999), fc.nat(2 ** 48), ({ generation, seq }, node, offset) => {
      expect(parseManifestKey(keys.manifest({ generation, seq }))).toEqual({ generation, seq });
      expect(parseLogKey(keys.logChunk(generation, node, offset))).toEqual({ generation, node, offset });
      expect(parseAttemptKey(keys.attempt(generation, node).drained)).toEqual({
        generation,
        node,
        document: 'drained',
      });
      expect(parseIndexKey(bucketKeys.index(offset, 'r-abcdefghij'))).toEqual({
        run: 'r-abcdefghij',
        createdMs: offset,
      });
    }),
  );
  expect(parseLaunchKey(keys.launch(3).outcome)).toEqual({ launch: 3, document: 'outcome' });
  expect(parseManifestKey('runs/r-abcdefghij/manifests/latest')).toBeNull();
});

const pointer = {
  version: FORMAT_VERSION as typeof FORMAT_VERSION,
  manifest: 'runs/x',
  generation: 1,
  seq: 2,
  step: 3,
  at: '2026-01-01T00:00:00.000Z',
  nonce: 'n',
  fellBackFromStep: null,
};

test('a document is one JSON line and comes back as it was', () => {
  const bytes = encodeDocument(latestPointer, pointer);
  expect(Buffer.from(bytes).toString().split('\n')).toHaveLength(2);
  expect(decodeDocument(latestPointer, bytes, 'latest.json')).toEqual(pointer);
});

test('a newer format is a clear error, not a guess', () => {
  const newer = Buffer.from(JSON.stringify({ ...pointer, version: FORMAT_VERSION + 1, shape: 'unknown' }));
  expect(() => decodeDocument(latestPointer, newer, 'latest.json')).toThrow(
    expect.objectContaining({ code: 'newer-format' }),
  );
});

test('a document of an older format is refused with one sentence that says what still works', () => {
  const older = Buffer.from(JSON.stringify({ version: 1, run: 'r-abcdefghij' }));
  expect(() => decodeDocument(controlDocument, older, 'a/control.json')).toThrow(
    expect.objectContaining({
      code: 'older-format',
      message: 'a/control.json has format 1; this runctl reads format 2',
      hint: expect.stringContaining('`runctl stop RUN` ends its machines'),
    }),
  );
});

const wish = {
  version: FORMAT_VERSION as typeof FORMAT_VERSION,
  action: 'stop' as const,
  args: { graceMs: null, budgetUsd: null },
  launch: 1,
  at: '2026-01-01T00:00:00.000Z',
  by: 'me@laptop',
  nonce: 'n',
};

test('a document that needs a feature which this build lacks is refused, and names it', () => {
  const needy = encodeDocument(controlDocument, { ...wish, needs: ['roster'] });
  expect(() => decodeDocument(controlDocument, needy, 'a/control.json')).toThrow(
    expect.objectContaining({ code: 'newer-format', message: expect.stringContaining('needs roster') }),
  );
  const content = encodeDocument(controlDocument, { ...wish, needs: [] });
  expect(decodeDocument(controlDocument, content, 'a/control.json').action).toBe('stop');
});

test('a word of a growing list that this build does not know is read as it is', () => {
  const newer = Buffer.from(JSON.stringify({ ...wish, action: 'juggle' }));
  expect(decodeDocument(controlDocument, newer, 'a/control.json').action).toBe('juggle');
});

test('a torn or edited document names its key', () => {
  expect(() => decodeDocument(latestPointer, Buffer.from('{"version":2,'), 'a/latest.json')).toThrow(
    /a\/latest\.json is not a JSON document/,
  );
  expect(() => decodeDocument(latestPointer, Buffer.from('{"version":2}'), 'a/latest.json')).toThrow(
    /a\/latest\.json was changed after it was written/,
  );
  expect(() => decodeDocument(controlDocument, Buffer.from('{"version":2}'), 'a/control.json')).toThrow(
    /a\/control\.json does not have the expected form/,
  );
});

test('no bit of a pointer or manifest can change, and nothing be cut off it, unnoticed', () => {
  const bytes = Buffer.from(encodeDocument(latestPointer, pointer));
  const readAs = (damaged: Uint8Array): string => {
    try {
      decodeDocument(latestPointer, damaged, 'latest.json');
      return 'taken';
    } catch (error) {
      return isRunctlError(error) ? error.code : String(error);
    }
  };
  expect(readAs(bytes)).toBe('taken');
  const outcomes = new Set<string>();
  for (let at = 0; at < bytes.length; at++) {
    for (let bit = 0; bit < 8; bit++) {
      const damaged = Buffer.from(bytes);
      damaged.writeUInt8(damaged.readUInt8(at) ^ (1 << bit), at);
      outcomes.add(readAs(damaged));
    }
    outcomes.add(readAs(bytes.subarray(0, at)));
  }
  expect(outcomes).toEqual(new Set(['internal']));
});

test('a pointer that is edited by hand is refused, well-formed as it may be', () => {
  const text = Buffer.from(encodeDocument(latestPointer, pointer)).toString();
  expect(() => decodeDocument(latestPointer, Buffer.from(text.replace('"step":3', '"step":4')), 'latest.json')).toThrow(
    /was changed after it was written/,
  );
});

test('a rehearsal never has longer periods than the real thing, and keeps their order', () => {
  fc.assert(
    fc.property(fc.double({ min: 0.01, max: 2, noNaN: true }), (scale) => {
      const scaled = scaledTiming(scale);
      for (const [name, ms] of Object.entries(scaled))
        expect(ms).toBeLessThanOrEqual(defaultTiming[name as keyof typeof scaled]);
      expect(scaled.leaseRenewMs).toBeLessThan(scaled.publishWithinMs);
      expect(scaled.publishWithinMs).toBeLessThan(scaled.leaseTtlMs);
    }),
  );
});

test('a process that frees its memory after a kill does not count as unkillable, however fast a rehearsal', () => {
  expect([0.01, 0.1, 0.5, 1].map((scale) => scaledTiming(scale).unkillableMs)).toEqual([
    10_000, 10_000, 30_000, 60_000,
  ]);
});

test('the timing of a run that knows nothing of newer windows has their defaults', () => {
  const { firstByteMs, savingPauseMs, emptiedMs, silentMs, ...older } = defaultTiming;
  expect(timing.parse(older)).toEqual({ ...older, firstByteMs, savingPauseMs, emptiedMs, silentMs });
});
