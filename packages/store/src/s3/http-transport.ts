import { Agent as HttpAgent, type ClientRequest, type IncomingMessage, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { httpDateMs } from '@runctl/aws-wire';
import { bodyChunks } from '../port/object-body.ts';
import { abortedError } from '../port/semantics.ts';
import { DirectTransport } from './direct-transport.ts';
import type { BucketAddress } from './endpoint.ts';
import { type HttpAnswer, type HttpCall, storeError, type TransportOptions } from './http-call.ts';

const PIECE_BYTES = 1024 * 1024;

/** Requests to one host over kept connections. Rejects with StoreError `transient` or `aborted`; any status is an answer. */
export class HttpTransport {
  readonly #address: BucketAddress;
  readonly #options: TransportOptions;
  readonly #agent: HttpAgent;
  readonly #direct: DirectTransport;

  constructor(address: BucketAddress, options: TransportOptions) {
    this.#address = address;
    this.#options = options;
    this.#direct = new DirectTransport(address, options);
    const agentOptions = { keepAlive: true, maxSockets: options.maxSockets, scheduling: 'lifo' as const };
    this.#agent = address.protocol === 'https:' ? new HttpsAgent(agentOptions) : new HttpAgent(agentOptions);
  }

  async send(call: HttpCall): Promise<HttpAnswer> {
    const { signal, key } = call;
    if (signal?.aborted) throw abortedError(signal, key);
    const idleTimeoutMs = call.idleTimeoutMs ?? this.#options.idleTimeoutMs;
    const answer = await this.#direct.send(call, idleTimeoutMs);
    if (answer !== null) return answer;
    const response = await this.#exchange(call, idleTimeoutMs);
    return {
      status: response.statusCode ?? 0,
      header: (name) => {
        const value = response.headers[name];
        return typeof value === 'string' ? value : null;
      },
      serverTimeMs: httpDateMs(response.headers.date),
      body: watchedBody(response, { idleTimeoutMs, signal, key }),
    };
  }

  close(): void {
    this.#agent.destroy();
    this.#direct.close();
  }

  #exchange(call: HttpCall, idleTimeoutMs: number): Promise<IncomingMessage> {
    const { protocol, hostname, port } = this.#address;
    const request = protocol === 'https:' ? httpsRequest : httpRequest;
    return new Promise((resolve, reject) => {
      const outgoing = request({
        hostname: hostname.replace(/^\[|\]$/g, ''),
        port: port ?? undefined,
        method: call.method,
        path: call.path,
        headers: call.headers,
        agent: this.#agent,
        signal: call.signal,
      });
      let sourceFailure: unknown = null;
      outgoing.on('error', (error) => reject(storeError(sourceFailure ?? error, call)));
      outgoing.on('response', (response) => {
        // From here on the reader's own watch counts, which does not run while the reader itself is busy.
        outgoing.setTimeout(0);
        resolve(response);
      });
      outgoing.on('socket', (socket) => watchConnecting(outgoing, socket, this.#options.connectTimeoutMs));
      outgoing.setTimeout(idleTimeoutMs, () => outgoing.destroy(new Error(`silent for ${idleTimeoutMs} ms`)));
      sendBody(outgoing, call, (error) => {
        sourceFailure = error;
      });
    });
  }
}

/** A body whose source fails breaks the request off; `onSourceFailure` learns of it before the request fails. */
function sendBody(outgoing: ClientRequest, { body, key }: HttpCall, onSourceFailure: (error: unknown) => void): void {
  if (body === null) outgoing.end();
  else if (body instanceof Uint8Array) sendPieces(outgoing, body);
  else {
    const source = async function* () {
      try {
        yield* bodyChunks(body, key ?? '');
      } catch (error) {
        onSourceFailure(error);
        throw error;
      }
    };
    // Both ends' failures are told by the request's own error event.
    pipeline(Readable.from(source()), outgoing).catch(() => outgoing.destroy());
  }
}

/**
 * One piece after the other: TLS keeps a second, encrypted copy of what it was given, so a whole part at once would be
 * two parts in memory.
 */
function sendPieces(outgoing: ClientRequest, body: Uint8Array): void {
  let position = 0;
  const next = (): void => {
    while (position + PIECE_BYTES < body.byteLength) {
      const piece = body.subarray(position, (position += PIECE_BYTES));
      if (!outgoing.write(piece)) return void outgoing.once('drain', next);
    }
    outgoing.end(body.subarray(position));
  };
  next();
}

function watchConnecting(outgoing: ClientRequest, socket: Socket, timeoutMs: number): void {
  if (!socket.connecting) return;
  const timer = setTimeout(() => outgoing.destroy(new Error(`not connected after ${timeoutMs} ms`)), timeoutMs);
  const stop = () => clearTimeout(timer);
  socket.once('encrypted' in socket ? 'secureConnect' : 'connect', stop);
  socket.once('close', stop);
}

/** The bytes of an answer, with a time limit on each wait for more. Leaving early destroys the connection. */
async function* watchedBody(
  response: IncomingMessage,
  call: { readonly idleTimeoutMs: number; readonly signal: AbortSignal | undefined; readonly key: string | null },
): AsyncIterable<Uint8Array> {
  const silence = () => response.destroy(new Error(`no data for ${call.idleTimeoutMs} ms`));
  let timer = setTimeout(silence, call.idleTimeoutMs);
  try {
    for await (const chunk of response) {
      clearTimeout(timer);
      yield chunk as Buffer;
      timer = setTimeout(silence, call.idleTimeoutMs);
    }
  } catch (error) {
    throw storeError(error, call);
  } finally {
    clearTimeout(timer);
  }
}
