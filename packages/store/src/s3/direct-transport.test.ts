import { systemClock } from '@runctl/core';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { retrying } from '../decorators/retrying.ts';
import { isStoreError, type ReadResult } from '../port/object-store.ts';
import { type Asked, inPieces, object, RawServer, SIZE } from './testing/raw-server.ts';
import type { S3Store } from './s3-store.ts';

function partial({ body, start }: Asked, more = ''): Buffer {
  const head = [
    'HTTP/1.1 206 Partial Content',
    `Content-Length: ${body.byteLength}`,
    `Content-Range: bytes ${start}-${start + body.byteLength - 1}/${SIZE}`,
    'ETag: "e"',
    'Last-Modified: Sat, 01 Aug 2026 00:00:00 GMT',
    'Date: Sat, 01 Aug 2026 00:00:01 GMT',
  ];
  return Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n${more}\r\n`, 'latin1'), body]);
}

const plain = (asked: Asked): void => void asked.socket.write(partial(asked));
const range = { start: 1000, end: 201_000 };
const wanted = object.subarray(range.start, range.end);

/** Reads a range into fresh memory; tells whether every byte was put there by the store itself. */
async function fetched(store: Pick<S3Store, 'get'>, signal?: AbortSignal) {
  const into = Buffer.alloc(range.end - range.start);
  const { body } = await store.get('key', { range, into, signal });
  const length = await readInto(body, into);
  return { into, length, inPlace: into.equals(wanted) };
}

async function readInto(body: ReadResult['body'], into: Buffer): Promise<number> {
  let length = 0;
  for await (const chunk of body) {
    expect(chunk.buffer === into.buffer && chunk.byteOffset === into.byteOffset + length).toBe(true);
    length += chunk.byteLength;
  }
  return length;
}

async function kindOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'fine',
    (error: unknown) => (isStoreError(error) ? error.kind : String(error)),
  );
}

describe('a range read to its place', () => {
  test('fills the memory it was given, over one kept connection', async () => {
    await using server = await RawServer.start(plain);
    const store = server.store();
    for (let round = 0; round < 3; round++)
      expect(await fetched(store)).toMatchObject({ length: wanted.byteLength, inPlace: true });
    expect(server.sockets.size).toBe(1);
    store.close();
  });

  test('comes out the same however the answer is cut', async () => {
    const cuts = fc.array(fc.oneof(fc.nat(300), fc.nat(200_300)), { maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(cuts, async (at) => {
        await using server = await RawServer.start((asked) => void inPieces(asked.socket, partial(asked), at));
        const store = server.store();
        for (let round = 0; round < 2; round++) expect((await fetched(store)).inPlace).toBe(true);
        store.close();
      }),
      { numRuns: 25 },
    );
  });

  test('opens no more connections than allowed, and no range stands in for another', async () => {
    await using server = await RawServer.start(plain);
    const store = server.store({ maxSockets: 2 });
    const starts = Array.from({ length: 12 }, (_, index) => index * 20_000);
    const all = await Promise.all(
      starts.map(async (start) => {
        const into = Buffer.alloc(20_000);
        await readInto((await store.get('key', { range: { start, end: start + 20_000 }, into })).body, into);
        return into.equals(object.subarray(start, start + 20_000));
      }),
    );
    expect(all.every(Boolean)).toBe(true);
    expect(server.sockets.size).toBeLessThanOrEqual(2);
    store.close();
  });

  test('a 503 is a passing failure, other refusals are read in full', async () => {
    const refusal = '<?xml version="1.0"?><Error><Code>NoSuchKey</Code><Message>gone</Message></Error>';
    const answers = ['HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\n\r\n'];
    const missing = `HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n${refusal.length.toString(16)}\r\n${refusal}\r\n0\r\n\r\n`;
    await using server = await RawServer.start(({ socket, count }) => void socket.write(answers[count] ?? missing));
    const store = server.store();
    expect(await kindOf(fetched(store))).toBe('transient');
    expect(await kindOf(fetched(store))).toBe('missing');
    store.close();
  });

  test.each([
    ['a whole object instead of the range', 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc'],
    ['another length than was asked', `HTTP/1.1 206 X\r\nContent-Length: ${SIZE * 2}\r\n\r\n`],
    ['no length', 'HTTP/1.1 206 X\r\n\r\nabc'],
    ['two lengths', 'HTTP/1.1 206 X\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc'],
    ['something else than HTTP', 'SSH-2.0-OpenSSH_9.2\r\n\r\n'],
  ])('never takes %s for the range', async (_what, answer) => {
    await using server = await RawServer.start(({ socket }) => void socket.end(answer));
    const store = server.store();
    expect(await kindOf(fetched(store))).toMatch(/transient|permanent/);
    store.close();
  });

  test('goes on behind the last byte when the connection breaks in the middle', async () => {
    await using server = await RawServer.start((asked) => {
      if (asked.count > 0) return plain(asked);
      void asked.socket.end(partial(asked).subarray(0, 120_000));
    });
    const store = server.store();
    expect(await kindOf(fetched(store))).toBe('transient');
    const repeating = retrying(store, { clock: systemClock, policy: { attempts: 3, baseMs: 1, maxMs: 1 } });
    server.requests = 0;
    expect(await fetched(repeating)).toMatchObject({ length: wanted.byteLength, inPlace: true });
    store.close();
  });

  test.each(['with the last byte', 'later'])('drops a connection that sends more than was asked, %s', async (when) => {
    await using server = await RawServer.start((asked) => {
      const extra = Buffer.from('HTTP/1.1 206 X\r\n');
      if (when === 'later') {
        plain(asked);
        setTimeout(() => asked.socket.write(extra), 5);
      } else asked.socket.write(Buffer.concat([partial(asked), extra]));
    });
    const store = server.store();
    for (let round = 0; round < 3; round++) {
      expect(await kindOf(fetched(store))).toMatch(/fine|transient/);
      const [socket] = [...server.sockets].slice(-1);
      if (socket?.destroyed === false) await new Promise((resolve) => void socket.once('close', resolve));
    }
    expect(server.sockets.size).toBe(3);
    store.close();
  });

  test('asks again when the kept connection was closed meanwhile', async () => {
    await using server = await RawServer.start((asked) => {
      if (asked.count === 1) asked.socket.destroy();
      else plain(asked);
    });
    const store = server.store();
    await fetched(store);
    const into = Buffer.alloc(wanted.byteLength);
    const { body } = await store.get('key', { range, into });
    const chunks: Uint8Array[] = [];
    for await (const chunk of body) chunks.push(chunk);
    expect(Buffer.concat(chunks).equals(wanted)).toBe(true);
    store.close();
  });

  test('closes the connection when the server says so', async () => {
    await using server = await RawServer.start(
      (asked) => void asked.socket.end(partial(asked, 'Connection: close\r\n')),
    );
    const store = server.store();
    for (let round = 0; round < 2; round++) expect((await fetched(store)).inPlace).toBe(true);
    expect(server.sockets.size).toBe(2);
    store.close();
  });

  test('stops writing at once when it is aborted or left', async () => {
    const stop = new AbortController();
    await using server = await RawServer.start((asked) => {
      asked.socket.write(partial(asked).subarray(0, 50_000));
      stop.signal.addEventListener('abort', () =>
        setTimeout(() => asked.socket.write(partial(asked).subarray(50_000)), 20),
      );
    });
    const store = server.store();
    const into = Buffer.alloc(wanted.byteLength);
    const { body } = await store.get('key', { range, into, signal: stop.signal });
    const reading = kindOf(readInto(body, into));
    setTimeout(() => stop.abort(), 5);
    expect(await reading).toBe('aborted');
    into.fill(0);
    await Promise.all(
      [...server.sockets].map((socket) => new Promise((resolve) => void socket.once('close', resolve))),
    );
    expect(into.every((byte) => byte === 0)).toBe(true);
    store.close();
  });

  test('a body that nobody reads leaves the memory alone, and its connection ends', async () => {
    await using server = await RawServer.start(plain);
    const store = server.store({ idleTimeoutMs: 50 });
    const into = Buffer.alloc(wanted.byteLength);
    await store.get('key', { range, into });
    await Promise.all(
      [...server.sockets].map((socket) => new Promise((resolve) => void socket.once('close', resolve))),
    );
    expect(into.every((byte) => byte === 0)).toBe(true);
    store.close();
  });

  test.each(['head', 'body'])('does not wait for ever for the %s', async (what) => {
    await using server = await RawServer.start((asked) => {
      if (what === 'body') asked.socket.write(partial(asked).subarray(0, 100_000));
    });
    const store = server.store({ idleTimeoutMs: 50 });
    expect(await kindOf(fetched(store))).toBe('transient');
    store.close();
  });
});
