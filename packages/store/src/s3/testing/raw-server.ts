import { randomBytes } from 'node:crypto';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { systemClock } from '@runctl/core';
import { S3Store } from '../s3-store.ts';

export const SIZE = 300_000;
/** What ranges are taken of. */
export const object = randomBytes(SIZE);

export interface Asked {
  readonly socket: Socket;
  readonly method: string;
  /** Of the answer: the range. */
  readonly body: Buffer;
  readonly start: number;
  /** What came with the request. */
  readonly sent: Buffer;
  /** Counts requests over all connections, from 0. */
  readonly count: number;
}

/** A server below HTTP, so that answers can be cut and spoilt anywhere. */
export class RawServer implements AsyncDisposable {
  readonly sockets = new Set<Socket>();
  requests = 0;
  readonly #server;

  /** `early`: answers as soon as the head has come. */
  private constructor(answer: (asked: Asked) => void, early: boolean) {
    this.#server = createServer((socket) => {
      this.sockets.add(socket);
      let bytes = Buffer.alloc(0);
      socket.on('error', () => {});
      socket.on('data', (piece: Buffer) => {
        bytes = Buffer.concat([bytes, piece]);
        for (;;) {
          const headEnd = bytes.indexOf('\r\n\r\n') + 4;
          const head = bytes.toString('latin1', 0, headEnd);
          const end = headEnd + Number(/content-length: (\d+)/.exec(head)?.[1] ?? 0);
          if (headEnd < 4 || (!early && bytes.byteLength < end)) return;
          const [, start = 0, last = SIZE - 1] = (/range: bytes=(\d+)-(\d+)/.exec(head) ?? []).map(Number);
          const sent = bytes.subarray(headEnd, end);
          bytes = bytes.subarray(end);
          const method = head.slice(0, head.indexOf(' '));
          answer({ socket, method, start, body: object.subarray(start, last + 1), sent, count: this.requests++ });
        }
      });
    });
  }

  static async start(answer: (asked: Asked) => void, { early = false } = {}): Promise<RawServer> {
    const server = new RawServer(answer, early);
    await new Promise<void>((resolve) => void server.#server.listen(0, '127.0.0.1', resolve));
    return server;
  }

  store(options: { readonly idleTimeoutMs?: number; readonly maxSockets?: number } = {}): S3Store {
    return new S3Store({
      bucket: 'b',
      region: 'us-east-1',
      endpoint: `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`,
      credentials: async () => ({ accessKeyId: 'AKIAEXAMPLE', secretAccessKey: 'secret' }),
      clock: systemClock,
      ...options,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => void this.#server.close(resolve));
  }
}

/** Sends bytes cut at these places. */
export async function inPieces(socket: Socket, bytes: Buffer, at: readonly number[]): Promise<void> {
  const edges = [0, ...at.map((cut) => Math.min(cut, bytes.byteLength)).toSorted((a, b) => a - b), bytes.byteLength];
  for (const [index, edge] of edges.entries()) {
    const piece = bytes.subarray(edge, edges[index + 1] ?? edge);
    if (piece.byteLength > 0) await new Promise((resolve) => socket.write(piece, resolve));
    await new Promise((resolve) => setImmediate(resolve));
  }
}
