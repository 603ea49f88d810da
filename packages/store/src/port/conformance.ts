import { randomBytes, randomUUID } from 'node:crypto';

import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test as check } from 'vitest';
import { crc32Of } from './crc32.ts';
import { compareKeys } from './keys.ts';
import { collect, readBytes, readText } from './object-body.ts';
import type { ObjectBody, ObjectStore, StoreError } from './object-store.ts';

const MIB = 1024 * 1024;
const text = (value: string) => Buffer.from(value, 'utf8');

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

/** The kind with which a promise rejects; a fulfilled one fails the test. */
async function kindOf(promise: Promise<unknown>): Promise<string> {
  const outcome = await promise.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  if (!('error' in outcome)) throw new Error(`resolved with ${JSON.stringify(outcome.value)} instead of rejecting`);
  const { name, kind } = outcome.error as StoreError;
  expect(name, String(outcome.error)).toBe('StoreError');
  return kind;
}

function streamed(bytes: Uint8Array, sizeBytes = bytes.byteLength): ObjectBody {
  return {
    sizeBytes,
    async *open() {
      for (let start = 0; start < bytes.byteLength; start += 10_000) yield bytes.subarray(start, start + 10_000);
    },
  };
}

export interface StoreUnderTest {
  readonly store: ObjectStore;
  close?(): void | Promise<void>;
  /** How many keys make a listing of more than one page; few where listings have no pages. */
  readonly manyKeys?: number;
}

/** Tests that a server written by others is known to fail, each with the reason; true of the version that is named. */
export interface KnownGaps {
  readonly seenWith: string;
  /** The version at hand; of another one nothing is known, so these tests are skipped. */
  readonly version: string;
  readonly gaps: Readonly<Record<string, string>>;
}

/**
 * What every ObjectStore does. The store may hold other objects: each test keeps to a prefix of its own. A known gap is a
 * test that must fail: the day it passes, the list is wrong and says so.
 */
export function describeObjectStore(name: string, make: () => Promise<StoreUnderTest>, known?: KnownGaps): void {
  const open = new Set(Object.keys(known?.gaps ?? {}));
  const test = (title: string, work: () => Promise<void>): void => {
    const gap = known?.gaps[title];
    open.delete(title);
    if (known === undefined || gap === undefined) check(title, work);
    else if (known.version === known.seenWith) check.fails(`${title} (known gap: ${gap})`, work);
    else
      check(title, (context) => {
        context.skip(`a known gap of ${known.seenWith}, and this is ${known.version}`);
      });
  };
  describe(`${name} as an object store`, () => {
    let made: StoreUnderTest;
    let store: ObjectStore;
    const prefixes = new Map<string, string>();
    beforeAll(async () => {
      made = await make();
      store = made.store;
    });
    afterAll(async () => {
      await made.close?.();
      expect([...open], 'known gaps that name no test').toEqual([]);
    });
    const at = (key: string) => {
      const current = expect.getState().currentTestName ?? '';
      const prefix = prefixes.get(current) ?? `t-${randomUUID()}`;
      prefixes.set(current, prefix);
      return `${prefix}/${key}`;
    };

    describe('objects', () => {
      test('gives back the bytes that were put, streamed or not, empty or large', async () => {
        const large = randomBytes(3 * MIB + 17);
        for (const bytes of [text(''), text('x'), large]) {
          await store.put(at('plain'), bytes);
          await store.put(at('streamed'), streamed(bytes));
          expect(Buffer.compare(await readBytes(store, at('plain')), bytes)).toBe(0);
          expect(Buffer.compare(await readBytes(store, at('streamed')), bytes)).toBe(0);
        }
      });

      test('tells the same size, etag and time in put, get, head and list', async () => {
        const { etag } = await store.put(at('object'), text('hello'));
        expect(etag).toMatch(/^[0-9a-f-]{32,}$/);
        const { body, info, serverTimeMs } = await store.get(at('object'));
        await collect(body);
        const head = await store.head(at('object'));
        const [listed] = await all(store.list({ prefix: at('') }));
        expect(info).toMatchObject({ key: at('object'), sizeBytes: 5, etag });
        expect(head).toMatchObject(info);
        expect(listed).toMatchObject({ key: info.key, sizeBytes: 5, etag });
        expect(Math.floor((listed?.lastModifiedMs ?? 0) / 1000)).toBe(Math.floor(info.lastModifiedMs / 1000));
        expect(serverTimeMs - info.lastModifiedMs).toBeGreaterThan(-2000);
        expect(serverTimeMs - info.lastModifiedMs).toBeLessThan(30_000);
        expect(head?.serverTimeMs).toBeGreaterThanOrEqual(serverTimeMs);
      });

      test('tells the checksum of a whole object when asked for it', async () => {
        const bytes = text('hello');
        await store.put(at('object'), bytes);
        expect((await store.head(at('object'), { checksum: true }))?.crc32).toBe(crc32Of(bytes));
        const { body, crc32 } = await store.get(at('object'), { checksum: true });
        await collect(body);
        expect(crc32).toBe(crc32Of(bytes));
      });

      test('replaces an object whole', async () => {
        await store.put(at('object'), text('a long first version'));
        const { etag } = await store.put(at('object'), text('second'));
        expect(await readText(store, at('object'))).toBe('second');
        expect((await store.head(at('object')))?.etag).toBe(etag);
      });

      test('never shows a torn object while it is replaced', async () => {
        const versions = ['a', 'b', 'c', 'd'].map((letter) => text(letter.repeat(300_000)));
        await store.put(at('object'), versions[0]!);
        const written = new AbortController();
        const writer = (async () => {
          for (let round = 0; round < 12; round++) await store.put(at('object'), versions[round % versions.length]!);
          written.abort();
        })();
        const seen: string[] = [];
        while (!written.signal.aborted) {
          const { body, info } = await store.get(at('object'));
          const bytes = await collect(body);
          expect(bytes.byteLength).toBe(info.sizeBytes);
          seen.push(...new Set(Buffer.from(bytes).toString()));
          expect(new Set(Buffer.from(bytes).toString()).size).toBe(1);
        }
        await writer;
        expect(seen.length).toBeGreaterThan(0);
      });

      test('rejects the reading of a missing object as missing and has no head of it', async () => {
        expect(await kindOf(store.get(at('nothing')))).toBe('missing');
        expect(await store.head(at('nothing'))).toBeNull();
      });

      test('keeps keys with blanks, signs and letters of any script', async () => {
        const names = [
          'a b',
          'a+b',
          'a%20b',
          'ä/ö',
          '日本語',
          '😀',
          `"quoted'&<x>`,
          'step=100',
          '~(1)!*',
          'a#b?c=d',
          ';:@$,',
        ];
        for (const name of names) await store.put(at(name), text(name));
        const listed = await all(store.list({ prefix: at('') }));
        expect(listed.map((info) => info.key)).toEqual(names.map(at).sort(compareKeys));
        for (const name of names) expect(await readText(store, at(name))).toBe(name);
        await store.delete(names.map(at));
        expect(await all(store.list({ prefix: at('') }))).toEqual([]);
      });

      test('holds an object and a folder of the same name', async () => {
        await store.put(at('a'), text('object'));
        await store.put(at('a/b'), text('below'));
        expect(await readText(store, at('a'))).toBe('object');
        expect(await readText(store, at('a/b'))).toBe('below');
        await store.delete([at('a')]);
        expect(await readText(store, at('a/b'))).toBe('below');
      });

      test('refuses a streamed body that is not as long as announced', async () => {
        expect(await kindOf(store.put(at('short'), streamed(text('abc'), 5)))).toBe('permanent');
        expect(await kindOf(store.put(at('long'), streamed(text('abcdef'), 5)))).toBe('permanent');
        expect(await store.head(at('short'))).toBeNull();
        expect(await store.head(at('long'))).toBeNull();
      });

      test('deletes many at once, the missing ones too', async () => {
        const keys = Array.from({ length: 30 }, (_, index) => at(`object-${index}`));
        for (const key of keys) await store.put(key, text('x'));
        await store.delete([...keys.slice(0, 29), at('never-there')]);
        expect((await all(store.list({ prefix: at('') }))).map((info) => info.key)).toEqual([at('object-29')]);
        await store.delete([keys[29]!]);
        await store.delete([keys[29]!]);
        await store.delete([]);
        expect(await store.head(keys[29]!)).toBeNull();
      });

      test('copies an object, over an older one too', async () => {
        await store.put(at('from +1'), text('content'));
        await store.put(at('to'), text('old'));
        const { crc32 } = await store.copy(at('from +1'), at('to'));
        expect([null, crc32Of(text('content'))]).toContain(crc32);
        expect(await readText(store, at('to'))).toBe('content');
        expect(await kindOf(store.copy(at('nothing'), at('other')))).toBe('missing');
      });
    });

    describe('conditional writes', () => {
      test('makes an absent object once', async () => {
        await store.put(at('object'), text('first'), { when: { absent: true } });
        expect(await kindOf(store.put(at('object'), text('second'), { when: { absent: true } }))).toBe('precondition');
        expect(await readText(store, at('object'))).toBe('first');
      });

      test('replaces only the version that was expected', async () => {
        const first = await store.put(at('object'), text('first'));
        const second = await store.put(at('object'), text('second'), { when: { etag: first.etag } });
        expect(await kindOf(store.put(at('object'), text('third'), { when: { etag: first.etag } }))).toBe(
          'precondition',
        );
        expect(await readText(store, at('object'))).toBe('second');
        await store.put(at('object'), text('fourth'), { when: { etag: second.etag } });
        expect(await readText(store, at('object'))).toBe('fourth');
      });

      test('does not bring a deleted object back when a version was expected', async () => {
        const { etag } = await store.put(at('object'), text('first'));
        await store.delete([at('object')]);
        expect(await kindOf(store.put(at('object'), text('second'), { when: { etag } }))).toBe('precondition');
        expect(await store.head(at('object'))).toBeNull();
      });

      test('lets one of many writers win, whether they make or replace', async () => {
        const race = async (when: { absent: true } | { etag: string }) => {
          const writers = Array.from({ length: 8 }, (_, index) => `writer-${index}-${randomUUID()}`);
          const outcomes = await Promise.all(
            writers.map((writer) =>
              store.put(at('object'), text(writer), { when }).then(
                () => writer,
                (error: StoreError) => error.kind,
              ),
            ),
          );
          const winners = outcomes.filter((outcome) => outcome.startsWith('writer-'));
          expect(winners).toHaveLength(1);
          expect(outcomes.filter((o) => !winners.includes(o) && o !== 'precondition' && o !== 'conflict')).toEqual([]);
          expect(await readText(store, at('object'))).toBe(winners[0]);
        };
        await race({ absent: true });
        for (let round = 0; round < 3; round++) {
          const head = await store.head(at('object'));
          await race({ etag: head!.etag });
        }
      });
    });

    describe('ranges', () => {
      test('gives exactly the bytes of any range, cut at the end of the object', async () => {
        const bytes = randomBytes(5000);
        await store.put(at('object'), bytes);
        const range = fc.tuple(fc.nat(4999), fc.integer({ min: 1, max: 6000 }));
        await fc.assert(
          fc.asyncProperty(range, async ([start, length]) => {
            const { body, info } = await store.get(at('object'), { range: { start, end: start + length } });
            expect(info.sizeBytes).toBe(5000);
            expect(Buffer.compare(await collect(body), bytes.subarray(start, start + length))).toBe(0);
          }),
          { numRuns: 25 },
        );
      });

      test('refuses a range behind the end or without bytes', async () => {
        await store.put(at('object'), text('12345'));
        expect(await kindOf(store.get(at('object'), { range: { start: 5, end: 6 } }))).toBe('precondition');
        expect(await kindOf(store.get(at('object'), { range: { start: 2, end: 2 } }))).toBe('permanent');
        expect(await kindOf(store.get(at('object'), { range: { start: -1, end: 2 } }))).toBe('permanent');
      });

      test('reads only the version that was asked for', async () => {
        const { etag } = await store.put(at('object'), text('first'));
        expect(Buffer.from(await collect((await store.get(at('object'), { ifMatch: etag })).body)).toString()).toBe(
          'first',
        );
        await store.put(at('object'), text('second'));
        expect(await kindOf(store.get(at('object'), { ifMatch: etag }))).toBe('precondition');
      });

      test('lets a reader leave in the middle', async () => {
        await store.put(at('object'), randomBytes(2 * MIB));
        const { body } = await store.get(at('object'));
        for await (const chunk of body) {
          expect(chunk.byteLength).toBeGreaterThan(0);
          break;
        }
        expect((await store.head(at('object')))?.sizeBytes).toBe(2 * MIB);
      });
    });

    describe('listing', () => {
      test('lists in the order of UTF-8 bytes, after a key, up to a limit', async () => {
        const names = ['b', 'a/2', 'a/10', 'a-1', 'a', 'a.x/y', 'A', '\u{FF5E}', '\u{1F600}', 'é'];
        for (const name of names) await store.put(at(name), text(name));
        const sorted = names.map(at).sort(compareKeys);
        const keys = async (options: { startAfter?: string; limit?: number; prefix?: string }) =>
          (await all(store.list({ prefix: at(''), ...options }))).map((info) => info.key);
        expect(await keys({})).toEqual(sorted);
        for (const key of sorted) {
          expect(await keys({ startAfter: key })).toEqual(sorted.slice(sorted.indexOf(key) + 1));
        }
        expect(await keys({ startAfter: at('a/1'), limit: 2 })).toEqual([at('a/10'), at('a/2')]);
        expect(await keys({ limit: 0 })).toEqual([]);
        expect(await keys({ prefix: at('a/') })).toEqual([at('a/10'), at('a/2')]);
        expect(await keys({ prefix: at('a') })).toEqual(sorted.filter((key) => key.startsWith(at('a'))));
        expect(await keys({ prefix: at('nothing') })).toEqual([]);
      });

      test('goes on over pages', async () => {
        const keys = Array.from({ length: made.manyKeys ?? 1005 }, (_, index) =>
          at(`object-${String(index).padStart(5, '0')}`),
        );
        for (let start = 0; start < keys.length; start += 16) {
          await Promise.all(keys.slice(start, start + 16).map((key) => store.put(key, text('x'))));
        }
        expect((await all(store.list({ prefix: at('') }))).map((info) => info.key)).toEqual(keys);
        await store.delete(keys);
        expect(await all(store.list({ prefix: at('') }))).toEqual([]);
      });

      test('lists the folders below a prefix once each', async () => {
        for (const name of ['runs/r-b/x', 'runs/r-a/x', 'runs/r-a/y/z', 'runs/file', 'runs/r c/x', 'other/x']) {
          await store.put(at(name), text(''));
        }
        const folders = (options: { startAfter?: string; limit?: number; prefix?: string }) =>
          all(store.listFolders({ prefix: at('runs/'), ...options }));
        expect(await folders({})).toEqual([at('runs/r c/'), at('runs/r-a/'), at('runs/r-b/')]);
        expect(await folders({ startAfter: at('runs/r c/') })).toEqual([at('runs/r-a/'), at('runs/r-b/')]);
        expect(await folders({ limit: 1 })).toEqual([at('runs/r c/')]);
        expect(await folders({ prefix: at('runs/r-') })).toEqual([at('runs/r-a/'), at('runs/r-b/')]);
        await store.delete([at('runs/r-b/x')]);
        expect(await folders({ prefix: at('runs/r-') })).toEqual([at('runs/r-a/')]);
      });
    });

    describe('multipart uploads', () => {
      const first = randomBytes(5 * MIB);
      const second = randomBytes(123_456);

      test('joins parts in order of their numbers, whatever the order of their arrival', async () => {
        const upload = await store.createMultipart(at('object'));
        await store.uploadPart(upload, { partNumber: 2, body: text('replaced later') });
        const b = await store.uploadPart(upload, { partNumber: 2, body: second });
        const a = await store.uploadPart(upload, { partNumber: 1, body: first, crc32: crc32Of(first) });
        expect(b).toMatchObject({ partNumber: 2, crc32: crc32Of(second) });
        expect(await all(store.listParts(upload))).toEqual([
          { ...a, sizeBytes: first.byteLength },
          { ...b, sizeBytes: second.byteLength },
        ]);
        expect(await store.head(at('object'))).toBeNull();
        const sizeBytes = first.byteLength + second.byteLength;
        const { etag } = await store.completeMultipart(upload, [a, b], { sizeBytes });
        expect(etag).toMatch(/-2$/);
        expect(await store.head(at('object'))).toMatchObject({ etag, sizeBytes });
        expect(Buffer.compare(await readBytes(store, at('object')), Buffer.concat([first, second]))).toBe(0);
        expect(await kindOf(store.completeMultipart(upload, [a, b], { sizeBytes }))).toBe('missing');
      });

      test('refuses parts that are unknown, too small, out of order or of the wrong sum', async () => {
        const upload = await store.createMultipart(at('object'));
        const a = await store.uploadPart(upload, { partNumber: 1, body: first });
        const b = await store.uploadPart(upload, { partNumber: 2, body: second });
        const c = await store.uploadPart(upload, { partNumber: 3, body: second });
        const complete = (...parts: (typeof a)[]) => kindOf(store.completeMultipart(upload, parts));
        expect(await complete(a, { ...b, etag: a.etag })).toBe('permanent');
        expect(await complete(a, { ...b, partNumber: 7 })).toBe('permanent');
        expect(await complete(a, b, c)).toBe('permanent');
        expect(await complete(b, a)).toBe('permanent');
        expect(await kindOf(store.completeMultipart(upload, [a, b], { sizeBytes: 1 }))).toBe('permanent');
        expect(await store.head(at('object'))).toBeNull();
        await store.abortMultipart(upload);
      });

      test('refuses a part that was damaged on its way, so that it is sent again', async () => {
        const upload = await store.createMultipart(at('object'));
        const damaged = store.uploadPart(upload, { partNumber: 1, body: second, crc32: crc32Of(first) });
        expect(await kindOf(damaged)).toBe('transient');
        await store.abortMultipart(upload);
      });

      test('keeps a condition at completion, and the upload when it fails', async () => {
        const upload = await store.createMultipart(at('object'));
        const part = await store.uploadPart(upload, { partNumber: 1, body: second });
        const { etag } = await store.put(at('object'), text('was first'));
        const absent = store.completeMultipart(upload, [part], { when: { absent: true } });
        expect(await kindOf(absent)).toBe('precondition');
        expect(await readText(store, at('object'))).toBe('was first');
        expect(await all(store.listParts(upload))).toHaveLength(1);
        await store.completeMultipart(upload, [part], { when: { etag } });
        expect((await readBytes(store, at('object'))).byteLength).toBe(second.byteLength);
      });

      test('forgets an aborted upload', async () => {
        const upload = await store.createMultipart(at('a/object'));
        const other = await store.createMultipart(at('a/other'));
        const elsewhere = await store.createMultipart(at('b/object'));
        const open = async () => (await all(store.listMultipart({ prefix: at('a/') }))).map((found) => found.uploadId);
        expect((await open()).sort()).toEqual([upload.uploadId, other.uploadId].sort());
        await store.abortMultipart(upload);
        await store.abortMultipart(upload);
        expect(await open()).toEqual([other.uploadId]);
        expect(await kindOf(store.uploadPart(upload, { partNumber: 1, body: second }))).toBe('missing');
        expect(await kindOf(all(store.listParts(upload)))).toBe('missing');
        for (const left of [other, elsewhere]) await store.abortMultipart(left);
      });

      test('takes a range of another object as a part', async () => {
        const { etag } = await store.put(at('source'), Buffer.concat([first, second]));
        const upload = await store.createMultipart(at('object'));
        const copied = { from: at('source'), range: { start: 0, end: 5 * MIB }, ifMatch: etag };
        const a = await store.copyPart(upload, { partNumber: 1, ...copied });
        const b = await store.uploadPart(upload, { partNumber: 2, body: text('tail') });
        expect([null, crc32Of(first)]).toContain(a.crc32);
        await store.completeMultipart(upload, [a, b], { sizeBytes: 5 * MIB + 4 });
        expect(Buffer.compare(await readBytes(store, at('object')), Buffer.concat([first, text('tail')]))).toBe(0);
      });

      test('copies no part of a source that is missing or has changed', async () => {
        const { etag } = await store.put(at('source'), text('first version'));
        await store.put(at('source'), text('second version'));
        const upload = await store.createMultipart(at('object'));
        const range = { start: 0, end: 5 };
        const stale = store.copyPart(upload, { partNumber: 1, from: at('source'), range, ifMatch: etag });
        expect(await kindOf(stale)).toBe('precondition');
        const missing = store.copyPart(upload, { partNumber: 1, from: at('nothing'), range });
        expect(await kindOf(missing)).toBe('missing');
        await store.abortMultipart(upload);
      });
    });

    describe('aborting', () => {
      test('rejects every call whose signal has fired', async () => {
        const options = { signal: AbortSignal.abort() };
        await store.put(at('object'), text('x'));
        expect(await kindOf(store.put(at('new'), text('x'), options))).toBe('aborted');
        expect(await kindOf(store.get(at('object'), options))).toBe('aborted');
        expect(await kindOf(store.head(at('object'), options))).toBe('aborted');
        expect(await kindOf(all(store.list({ prefix: at(''), ...options })))).toBe('aborted');
        expect(await kindOf(store.delete([at('object')], options))).toBe('aborted');
        expect(await kindOf(store.createMultipart(at('object'), options))).toBe('aborted');
        expect(await readText(store, at('object'))).toBe('x');
        expect(await store.head(at('new'))).toBeNull();
      });

      test('ends the reading of a body', async () => {
        await store.put(at('object'), randomBytes(8 * MIB));
        const stop = new AbortController();
        const { body } = await store.get(at('object'), { signal: stop.signal });
        const reading = (async () => {
          for await (const _chunk of body) stop.abort();
        })();
        expect(await kindOf(reading)).toBe('aborted');
      });
    });
  });
}
