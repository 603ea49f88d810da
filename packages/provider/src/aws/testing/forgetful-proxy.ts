import { createServer, request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** Stands between a client and a region, and loses answers on request: the call was carried out all the same. */
export interface ForgetfulProxy extends AsyncDisposable {
  readonly endpoint: string;
  /** The next `calls` answers to this action never arrive. */
  lose(action: string, calls: number): void;
}

export async function forgetfulProxy(region: string): Promise<ForgetfulProxy> {
  const losing = new Map<string, number>();
  const server = createServer((request, response) => {
    const pass = async (): Promise<void> => {
      const body = await buffer(request);
      const action = new URLSearchParams(body.toString()).get('Action') ?? '';
      const answer = await ask(region, { method: request.method, headers: request.headers, body });
      const left = losing.get(action) ?? 0;
      if (left > 0) {
        losing.set(action, left - 1);
        response.destroy();
      } else response.writeHead(answer.status, answer.headers).end(answer.body);
    };
    pass().catch((error: unknown) => response.destroy(error as Error));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    lose: (action, calls) => void losing.set(action, calls),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

async function ask(
  url: string,
  asked: { method: string | undefined; headers: IncomingHttpHeaders; body: Buffer },
): Promise<Answer> {
  const { method, headers, body } = asked;
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    httpRequest(url, { method, headers }, resolve).on('error', reject).end(body);
  });
  return { status: response.statusCode ?? 500, headers: response.headers, body: await buffer(response) };
}
