import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface SeenRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
  readonly localPort: number | undefined;
}

export interface ScriptedReply {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

/** Answers the n-th request by the n-th line of its script; `null` never answers. The last line serves all that follow. */
export class ScriptedServer implements AsyncDisposable {
  readonly seen: SeenRequest[] = [];
  readonly closedSockets: number[] = [];
  endpoint = '';
  readonly #script: readonly (ScriptedReply | null | ((response: ServerResponse) => void))[];
  readonly #server = createServer((request, response) => void this.#answer(request, response));

  private constructor(script: ScriptedServer['script']) {
    this.#script = script;
  }

  get script(): readonly (ScriptedReply | null | ((response: ServerResponse) => void))[] {
    return this.#script;
  }

  static async start(...script: ScriptedServer['script']): Promise<ScriptedServer> {
    const server = new ScriptedServer(script);
    server.#server.on('connection', (socket) => {
      socket.on('close', () => server.closedSockets.push(socket.remotePort ?? 0));
    });
    await new Promise<void>((resolve) => {
      server.#server.listen(0, '127.0.0.1', resolve);
    });
    server.endpoint = `http://127.0.0.1:${(server.#server.address() as AddressInfo).port}`;
    return server;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => {
      this.#server.close(resolve);
    });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request) chunks.push(chunk as Buffer);
    } catch {
      return;
    }
    const { method = '', url = '', headers } = request;
    this.seen.push({ method, url, headers, body: Buffer.concat(chunks), localPort: request.socket.remotePort });
    const line = this.#script[Math.min(this.seen.length, this.#script.length) - 1];
    if (line === null || line === undefined) return;
    if (typeof line === 'function') return line(response);
    response.writeHead(line.status ?? 200, { etag: '"etag"', ...line.headers });
    response.end(method === 'HEAD' ? undefined : line.body);
  }
}

export function errorBody(code: string, message = 'as it is'): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>${message}</Message></Error>`;
}
