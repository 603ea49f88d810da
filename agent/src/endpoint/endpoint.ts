import { randomBytes, timingSafeEqual } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { type Clock, type Log, messageOf } from '@runctl/core';
import { agentEndpoint, type AgentFrame, type AgentStatus, type AttemptStatus, clientFrame } from '@runctl/protocol';
import { type RawData, type WebSocket, WebSocketServer } from 'ws';
import { replaceFile } from '../journal/journal.ts';
import { followFile } from '../reporting/follow.ts';

export interface EndpointOptions {
  /** Where others on this machine find port and token; mode 0600. */
  readonly path: string;
  readonly logPath: string;
  readonly run: string;
  readonly pid: number;
  readonly clock: Clock;
  readonly log: Log;
  readonly status: () => Promise<AgentStatus>;
  readonly generation: () => number;
}

/** The agent's door on loopback: `GET /status` and the websocket `/live`, both behind a token that only root can read. */
export interface Endpoint {
  broadcast(status: AttemptStatus): void;
  close(reason: string): Promise<void>;
}

export type OpenEndpoint = (options: EndpointOptions) => Promise<Endpoint>;

const LARGEST_FRAME_BYTES = 64 * 1024;

export const openEndpoint: OpenEndpoint = async (options) => {
  const token = randomBytes(24).toString('base64url');
  const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false, maxPayload: LARGEST_FRAME_BYTES });
  const server = createServer((request, response) => {
    answer(request, response, { ...options, token }).catch((error: unknown) => {
      options.log.warn({ error: messageOf(error) }, 'a question on the control socket could not be answered');
      response.destroy();
    });
  });
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    // The server leaves an upgrading socket's errors to us: without a listener a reset connection ends the process.
    socket.on('error', () => socket.destroy());
    if (request.url !== '/live' || !isAllowed(request, token)) return refuse(socket);
    sockets.handleUpgrade(request, socket, head, (client) => serveLive(client, options));
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const endpoint = agentEndpoint.parse({ pid: options.pid, port, token, run: options.run });
  await replaceFile(options.path, `${JSON.stringify(endpoint)}\n`);

  return {
    broadcast(status) {
      const frame = encode({ type: 'status', status });
      for (const client of sockets.clients) client.send(frame);
    },
    async close(reason) {
      for (const client of sockets.clients) {
        client.send(encode({ type: 'bye', reason }));
        client.close();
      }
      await rm(options.path, { force: true });
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
};

const encode = (frame: AgentFrame): string => JSON.stringify(frame);

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  { status, token }: Pick<EndpointOptions, 'status'> & { readonly token: string },
): Promise<void> {
  if (!isAllowed(request, token)) return void response.writeHead(401).end();
  if (request.method !== 'GET' || request.url !== '/status') return void response.writeHead(404).end();
  const current = await status();
  response.writeHead(200, { 'content-type': 'application/json' }).end(`${JSON.stringify(current)}\n`);
}

function isAllowed(request: IncomingMessage, token: string): boolean {
  const given = Buffer.from(request.headers.authorization ?? '');
  const wanted = Buffer.from(`Bearer ${token}`);
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}

function refuse(socket: Duplex): void {
  socket.end('HTTP/1.1 401 Unauthorized\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
}

function serveLive(client: WebSocket, options: EndpointOptions): void {
  const gone = new AbortController();
  let following = false;
  client.on('close', () => gone.abort());
  client.on('error', () => client.terminate());
  client.on('message', (data) => {
    const frame = clientFrame.safeParse(parseJson(textOf(data)));
    if (!frame.success || frame.data.type !== 'follow-log' || following) return;
    following = true;
    followLog(client, options, { fromOffset: frame.data.fromOffset, signal: gone.signal }).catch((error: unknown) =>
      options.log.warn({ error: messageOf(error) }, 'the live log broke off'),
    );
  });
  greet(client, options).catch(() => client.terminate());
}

async function greet(client: WebSocket, { status }: Pick<EndpointOptions, 'status'>): Promise<void> {
  const current = await status();
  if (current.generation !== null && client.readyState === client.OPEN)
    client.send(encode({ type: 'status', status: current }));
}

async function followLog(
  client: WebSocket,
  { clock, logPath, generation }: EndpointOptions,
  { fromOffset, signal }: { readonly fromOffset: number; readonly signal: AbortSignal },
): Promise<void> {
  for await (const piece of followFile(logPath, { fromOffset, clock, signal })) {
    const frame = encode({
      type: 'log',
      generation: generation(),
      offset: piece.offset,
      base64: piece.bytes.toString('base64'),
    });
    // Waiting for each frame keeps a slow reader from filling this process's memory.
    await new Promise<void>((resolve) => client.send(frame, () => resolve()));
  }
}

function textOf(data: RawData): string {
  return (Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data as Buffer)).toString('utf8');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
