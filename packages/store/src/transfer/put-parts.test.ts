import { randomBytes } from 'node:crypto';
import { systemClock } from '@runctl/core';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { intercepted } from '../decorators/intercepted.ts';
import { MemoryStore } from '../memory/memory-store.ts';
import { readBytes } from '../port/object-body.ts';
import { type MultipartUpload, type ObjectStore, type PartInfo, StoreError } from '../port/object-store.ts';
import { ContentHasher, hashPart } from './content-hash.ts';
import { Lanes } from './lanes.ts';
import {
  FileShrankError,
  type LeftUpload,
  PartUpload,
  type PartUploadOptions,
  type SentPart,
  type PartUploadEvent,
} from './put-parts.ts';

const PART = 64;
const never = new AbortController().signal;

/** A store that counts the bytes that came over the network, and a file in memory. */
function setUp(content: Buffer = Buffer.alloc(0)) {
  const memory = new MemoryStore({ clock: systemClock, minPartBytes: 1 });
  const seen = { uploaded: 0, copied: 0 };
  const store = intercepted(memory, async (call, perform) => {
    const result = await perform();
    if (call.operation === 'uploadPart') seen.uploaded++;
    if (call.operation === 'copyPart') seen.copied++;
    return result;
  });
  const file = { content };
  const read = (buffer: Buffer, position: number) => Promise.resolve(file.content.copy(buffer, 0, position));
  const events: PartUploadEvent[] = [];
  const upload = (more: Partial<PartUploadOptions> = {}, left?: ConstructorParameters<typeof PartUpload>[1]) =>
    new PartUpload(
      {
        store,
        key: 'key',
        lanes: new Lanes({ clock: systemClock }),
        partSizeBytes: PART,
        onEvent: (event) => void events.push(event),
        ...more,
      },
      left,
    );
  const send = (to: PartUpload, how: { whole: boolean; check: boolean; signal?: AbortSignal }) =>
    to.send({ read, sizeBytes: file.content.length, signal: never, ...how });
  return { memory, store, seen, file, read, events, upload, send };
}

async function openUploads(store: ObjectStore): Promise<MultipartUpload[]> {
  const open = [];
  for await (const { key, uploadId } of store.listMultipart({ prefix: '' })) open.push({ key, uploadId });
  return open;
}

function hashesOf(content: Buffer) {
  const hasher = new ContentHasher(PART);
  hasher.update(content);
  return hasher.digest();
}

test('a file that grows is sent as it grows, each full part once', async () => {
  const { file, memory, seen, send, upload } = setUp();
  const growing = upload();
  for (const sizeBytes of [10, 70, 200, 256]) {
    file.content = Buffer.concat([file.content, randomBytes(sizeBytes - file.content.length)]);
    await send(growing, { whole: false, check: false });
    expect(growing.sentBytes).toBe(sizeBytes - (sizeBytes % PART));
  }
  file.content = Buffer.concat([file.content, randomBytes(5)]);
  await send(growing, { whole: true, check: false });
  expect(await memory.head('key')).toBeNull();
  expect(await growing.complete(261, never)).toEqual(hashesOf(file.content));
  expect(Buffer.compare(await readBytes(memory, 'key'), file.content)).toBe(0);
  expect(seen.uploaded).toBe(5);
});

type Change =
  | { readonly kind: 'grow'; readonly bytes: number }
  | { readonly kind: 'rewrite'; readonly at: number; readonly bytes: number }
  | { readonly kind: 'shrink'; readonly toShare: number }
  | { readonly kind: 'send'; readonly whole: boolean }
  | { readonly kind: 'crash'; readonly lostEvents: number };

test('whatever happens to a file while it is sent, its last content is what the object holds', async () => {
  const change: fc.Arbitrary<Change> = fc.oneof(
    fc.record({ kind: fc.constant('grow' as const), bytes: fc.nat(200) }),
    fc.record({ kind: fc.constant('rewrite' as const), at: fc.nat(400), bytes: fc.nat(100) }),
    fc.record({ kind: fc.constant('shrink' as const), toShare: fc.double({ min: 0, max: 1, noNaN: true }) }),
    fc.record({ kind: fc.constant('send' as const), whole: fc.boolean() }),
    fc.record({ kind: fc.constant('crash' as const), lostEvents: fc.nat(3) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(change, { maxLength: 15 }), async (changes) => {
      const { events, file, memory, send, upload } = setUp(randomBytes(100));
      let sending = upload();
      for (const each of changes) {
        const { content } = file;
        if (each.kind === 'grow') file.content = Buffer.concat([content, randomBytes(each.bytes)]);
        if (each.kind === 'shrink') file.content = content.subarray(0, Math.floor(content.length * each.toShare));
        if (each.kind === 'rewrite') {
          file.content = Buffer.from(content);
          randomBytes(each.bytes).copy(file.content, Math.min(each.at, content.length));
        }
        if (each.kind === 'send') await send(sending, { whole: each.whole, check: false });
        if (each.kind === 'crash')
          sending = upload({}, await leftBy(events.slice(0, events.length - each.lostEvents), memory));
      }
      await send(sending, { whole: true, check: true });
      const { length } = file.content;
      expect(await sending.complete(length, never)).toEqual(hashesOf(file.content));
      expect(Buffer.compare(await readBytes(memory, 'key'), file.content)).toBe(0);
    }),
    { numRuns: 200 },
  );
});

/** What a journal that was written up to here tells of the last upload, and what the store has beside that. */
async function leftBy(events: readonly PartUploadEvent[], store: ObjectStore): Promise<LeftUpload | undefined> {
  const last = events.findLast((event) => event.type === 'opened');
  if (last === undefined || events.some((event) => event.type === 'closed')) return undefined;
  const parts = new Map<number, SentPart>();
  for (const event of events) if (event.type === 'sent') parts.set(event.part.partNumber, event.part);
  const unnoted: PartInfo[] = [];
  for await (const part of store.listParts(last.upload))
    if (parts.get(part.partNumber)?.etag !== part.etag) unnoted.push(part);
  return { upload: last.upload, parts: [...parts.values()], unnoted };
}

test('parts that the store holds elsewhere are copied there, those that changed are sent', async () => {
  const { file, memory, seen, send, store, upload } = setUp(randomBytes(4 * PART));
  await store.put('before', file.content);
  const known = new Map<string, number>();
  for (let start = 0; start < file.content.length; start += PART)
    known.set(hashPart(file.content.subarray(start, start + PART)).sha256, start);
  file.content = Buffer.from(file.content);
  file.content.writeUInt8(file.content.readUInt8(PART + 3) ^ 1, PART + 3);
  const sending = upload({
    equalPart: ({ sha256 }) => {
      const start = known.get(sha256);
      return start === undefined ? null : { key: 'before', start };
    },
  });
  await send(sending, { whole: true, check: false });
  await sending.complete(4 * PART, never);
  expect(Buffer.compare(await readBytes(memory, 'key'), file.content)).toBe(0);
  expect(seen).toEqual({ uploaded: 1, copied: 3 });
});

test.each(['is gone', 'holds something else'])('a source that %s costs an upload and nothing more', async (how) => {
  const { file, memory, send, store, upload } = setUp(randomBytes(2 * PART));
  if (how !== 'is gone') await store.put('before', randomBytes(2 * PART));
  const sending = upload({ equalPart: () => ({ key: 'before', start: 0 }) });
  await send(sending, { whole: true, check: false });
  await sending.complete(2 * PART, never);
  expect(Buffer.compare(await readBytes(memory, 'key'), file.content)).toBe(0);
});

test('an abort does not wait for the store, and what it opened meanwhile is still given up', async () => {
  const { memory, send, upload } = setUp(randomBytes(4 * PART));
  const gate = Promise.withResolvers<void>();
  const slow = intercepted(memory, async (call, perform) => {
    if (call.operation === 'createMultipart') await gate.promise;
    return perform();
  });
  const sending = upload({ store: slow });
  const stop = new AbortController();
  const sent = send(sending, { whole: true, check: false, signal: stop.signal });
  stop.abort(new Error('stop'));
  await expect(sent).rejects.toThrow('stop');
  const aborted = sending.abort();
  gate.resolve();
  await aborted;
  expect(await openUploads(memory)).toEqual([]);
});

test('says that a file has shrunk, and refuses to complete what was not all sent', async () => {
  const { file, send, upload } = setUp(randomBytes(2 * PART));
  const sending = upload();
  const shrunk = sending.send({
    read: (buffer, position) => Promise.resolve(file.content.subarray(0, PART).copy(buffer, 0, position)),
    sizeBytes: 2 * PART,
    whole: true,
    check: false,
    signal: never,
  });
  await expect(shrunk).rejects.toBeInstanceOf(FileShrankError);
  await expect(sending.complete(2 * PART, never)).rejects.toThrow(/was never sent|was not sent as it should end/);
  await send(sending, { whole: true, check: false });
  await sending.complete(2 * PART, never);
});

test('a failed part leaves those that are through, and the next try sends only the rest', async () => {
  const { file, memory, send, upload } = setUp(randomBytes(6 * PART));
  let fail = true;
  let uploaded = 0;
  const flaky = intercepted(memory, async (call, perform) => {
    if (call.operation === 'uploadPart' && ++uploaded === 4 && fail) throw new StoreError('denied', 'not now');
    return perform();
  });
  const sending = upload({ store: flaky });
  await expect(send(sending, { whole: true, check: false })).rejects.toMatchObject({ kind: 'denied' });
  const through = sending.sentBytes / PART;
  fail = false;
  uploaded = 0;
  await send(sending, { whole: true, check: false });
  expect(uploaded).toBe(6 - through);
  await sending.complete(6 * PART, never);
  expect(Buffer.compare(await readBytes(memory, 'key'), file.content)).toBe(0);
});

test('sends what the store has not before it compares what it has', async () => {
  const content = randomBytes(5 * PART);
  const { file, upload, read } = setUp(content.subarray(0, 3 * PART));
  const to = upload();
  const order: number[] = [];
  const told = (buffer: Buffer, position: number) => {
    order.push(position / PART);
    return read(buffer, position);
  };
  await to.send({ read: told, sizeBytes: 3 * PART, whole: false, check: false, signal: never });
  file.content = content;
  order.length = 0;
  await to.send({ read: told, sizeBytes: 5 * PART, whole: true, check: true, signal: never });
  expect(order).toEqual([3, 4, 0, 1, 2]);
});
