import { randomBytes } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isStoreError, type PutOptions } from '../port/object-store.ts';
import { type Asked, inPieces, object, RawServer, SIZE } from './testing/raw-server.ts';

const body = randomBytes(5000);
const DONE = 'HTTP/1.1 200 OK\r\nETag: "e"\r\nContent-Length: 0\r\n\r\n';
const done = ({ socket }: Asked): void => void socket.write(DONE);
const REFUSAL = '<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message>no</Message></Error>';
const chunk = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n`;
const inChunks = (text: string, trailer = ''): string =>
  `Transfer-Encoding: chunked\r\n\r\n${text === '' ? '' : chunk(text)}0\r\n${trailer}\r\n`;

async function outcome(promise: Promise<{ readonly etag: string }>): Promise<string> {
  return promise.then(
    ({ etag }) => etag,
    (error: unknown) => (isStoreError(error) ? `${error.kind} ${error.code}` : String(error)),
  );
}

describe('a small put', () => {
  test('sends its bytes over one kept connection', async () => {
    const seen: Buffer[] = [];
    await using server = await RawServer.start((asked) => {
      seen.push(Buffer.from(asked.sent));
      done(asked);
    });
    const store = server.store();
    for (const size of [0, 1, 5000]) expect(await outcome(store.put('key', body.subarray(0, size)))).toBe('e');
    expect(seen.map((sent, index) => sent.equals(body.subarray(0, [0, 1, 5000][index])))).toEqual([true, true, true]);
    expect(server.sockets.size).toBe(1);
    store.close();
  });

  test('comes out the same however the answer is cut', async () => {
    const answers = fc.constantFrom<[string, string]>(
      ['e', DONE],
      ['e', `HTTP/1.1 200 OK\r\nETag: "e"\r\n${inChunks('')}`],
      ['denied AccessDenied', `HTTP/1.1 403 Forbidden\r\n${inChunks(REFUSAL)}`],
      ['denied AccessDenied', `HTTP/1.1 403 Forbidden\r\nContent-Length: ${REFUSAL.length}\r\n\r\n${REFUSAL}`],
      ['denied AccessDenied', `HTTP/1.1 200 OK\r\nContent-Length: ${REFUSAL.length}\r\n\r\n${REFUSAL}`],
    );
    await fc.assert(
      fc.asyncProperty(answers, fc.array(fc.nat(200), { maxLength: 4 }), async ([expected, answer], at) => {
        await using server = await RawServer.start(({ socket }) => void inPieces(socket, Buffer.from(answer), at));
        const store = server.store();
        for (let round = 0; round < 2; round++) expect(await outcome(store.put('key', body))).toBe(expected);
        expect([server.requests, server.sockets.size]).toEqual([2, 1]);
        store.close();
      }),
      { numRuns: 25 },
    );
  });

  test('is told of a refusal that comes before its bytes were taken, and its connection is not used again', async () => {
    const early = 'HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\nConnection: close\r\n\r\n';
    await using server = await RawServer.start(({ socket }) => void socket.write(early), { early: true });
    const store = server.store();
    for (let round = 0; round < 2; round++)
      expect(await outcome(store.put('key', randomBytes(200_000)))).toBe('transient null');
    expect(server.sockets.size).toBe(2);
    store.close();
  });

  test.each([
    ['before anything of it came', ''],
    ['in the middle of its head', DONE.slice(0, 20)],
    ['in the middle of its body', `HTTP/1.1 403 X\r\nContent-Length: 900\r\n\r\n${REFUSAL}`],
    ['in the middle of a chunk', `HTTP/1.1 403 X\r\n${inChunks(REFUSAL).slice(0, -20)}`],
  ])('fails for now when the answer ends %s', async (_where, answer) => {
    await using server = await RawServer.start(({ socket }) => void socket.end(answer));
    const store = server.store();
    expect(await outcome(store.put('key', body))).toMatch(/^transient/);
    expect(server.requests).toBe(1);
    store.close();
  });

  test('goes out again when its kept connection was closed meanwhile', async () => {
    await using server = await RawServer.start((asked) => {
      if (asked.count === 1) asked.socket.destroy();
      else done(asked);
    });
    const store = server.store();
    expect(await outcome(store.put('key', body))).toBe('e');
    expect(await outcome(store.put('key', body))).toBe('e');
    expect(server.requests).toBe(3);
    store.close();
  });

  test.each<[string, PutOptions]>([
    ['with a condition', { when: { absent: true } }],
    ['that must not be repeated', { once: true }],
  ])('%s is made once, whatever becomes of it', async (_which, options) => {
    await using server = await RawServer.start((asked) => {
      if (asked.count < 2) done(asked);
      else asked.socket.destroy();
    });
    const store = server.store();
    await store.put('key', body);
    await store.put('key', body, options);
    expect(await outcome(store.put('key', body, options))).toMatch(/^transient/);
    expect(server.requests).toBe(3);
    store.close();
  });

  test.each([
    ['without a length', 'HTTP/1.1 200 OK\r\nETag: "e"\r\nConnection: close\r\n\r\n', 'e'],
    ['with something behind its chunks', `HTTP/1.1 200 OK\r\nETag: "e"\r\n${inChunks('', 'x-more: 1\r\n')}`, 'e'],
    ['after a preliminary one', `HTTP/1.1 100 Continue\r\n\r\n${DONE}`, 'e'],
  ])('leaves an answer %s to who understands it', async (_what, answer, expected) => {
    await using server = await RawServer.start(({ socket }) => void socket.end(answer));
    const store = server.store();
    expect(await outcome(store.put('key', body))).toBe(expected);
    store.close();
  });

  test('does not wait for the end of a head that has none', async () => {
    await using server = await RawServer.start(({ socket }) => {
      socket.write(`HTTP/1.1 200 OK\r\n${`x-more: ${'a'.repeat(1000)}\r\n`.repeat(400)}`);
    });
    const store = server.store();
    expect(await outcome(store.put('key', body))).toMatch(/^transient/);
    store.close();
  });

  test('ends soon after the signal, and so does its connection', async () => {
    const stop = new AbortController();
    await using server = await RawServer.start(() => stop.abort());
    const store = server.store();
    expect(await outcome(store.put('key', body, { signal: stop.signal }))).toMatch(/^aborted/);
    const [socket] = server.sockets;
    if (socket?.destroyed === false) await new Promise((resolve) => void socket.once('close', resolve));
    store.close();
  });

  test('does not wait for ever for an answer', async () => {
    await using server = await RawServer.start(() => {});
    const store = server.store({ idleTimeoutMs: 50 });
    expect(await outcome(store.put('key', body))).toMatch(/^transient/);
    store.close();
  });
});

describe('a whole object read to its place', () => {
  const whole = (size: number) => (asked: Asked) => {
    const times = 'Last-Modified: Sat, 01 Aug 2026 00:00:00 GMT\r\nDate: Sat, 01 Aug 2026 00:00:01 GMT\r\n';
    const head = `HTTP/1.1 200 OK\r\nETag: "e"\r\n${times}Content-Length: ${size}\r\n\r\n`;
    asked.socket.write(Buffer.concat([Buffer.from(head), object.subarray(0, size)]));
  };

  test.each([0, 1, 5000, SIZE])('fills the memory it was given with %d bytes', async (size) => {
    await using server = await RawServer.start(whole(size));
    const store = server.store();
    for (let round = 0; round < 2; round++) {
      const into = new Uint8Array(size);
      for await (const chunk of (await store.get('key', { into })).body) expect(chunk.buffer).toBe(into.buffer);
      expect(object.subarray(0, size).equals(into)).toBe(true);
    }
    expect([server.requests, server.sockets.size]).toEqual([2, 1]);
    store.close();
  });

  test('is left to its reader when it is larger than the memory', async () => {
    await using server = await RawServer.start(whole(5000));
    const store = server.store();
    const chunks: Uint8Array[] = [];
    for await (const chunk of (await store.get('key', { into: new Uint8Array(100) })).body) chunks.push(chunk);
    expect(Buffer.concat(chunks).equals(object.subarray(0, 5000))).toBe(true);
    store.close();
  });
});
