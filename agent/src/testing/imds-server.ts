import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ServedMetadata {
  readonly instanceId: string;
  readonly instanceType?: string;
  readonly zone?: string;
  readonly market?: 'spot' | 'on-demand';
  readonly fleetId?: string | null;
}

/** IMDSv2 for one test instance: strict about tokens, answers what the test puts into it. */
export class ImdsServer implements AsyncDisposable {
  readonly #server: Server;
  readonly #paths = new Map<string, string>();
  #tokens = new Set<string>();
  #fault: 'none' | 'status-500' | 'hang' = 'none';
  requests = 0;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(metadata: ServedMetadata): Promise<ImdsServer> {
    const server = createServer();
    const imds = new ImdsServer(server);
    imds.#describe(metadata);
    server.on('request', (request, response) => {
      imds.requests++;
      if (imds.#fault === 'hang') return;
      const answer = imds.#answer(request.method ?? '', request.url ?? '', request.headers);
      const { status, body } = imds.#fault === 'none' ? answer : { status: 500, body: '' };
      response.writeHead(status).end(body);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return imds;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** `path` below `/latest/`; null takes it away. */
  set(path: string, body: string | null): void {
    if (body === null) this.#paths.delete(path);
    else this.#paths.set(path, body);
  }

  notice(inMs: number, action = 'terminate'): void {
    const time = new Date(Date.now() + inMs).toISOString();
    this.set('meta-data/spot/instance-action', JSON.stringify({ action, time }));
  }

  forgetTokens(): void {
    this.#tokens = new Set();
  }

  break(fault: 'none' | 'status-500' | 'hang'): void {
    this.#fault = fault;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #describe(metadata: ServedMetadata): void {
    const {
      instanceId,
      instanceType = 'g5.xlarge',
      zone = 'us-east-1a',
      market = 'spot',
      fleetId = 'fleet-1',
    } = metadata;
    const document = { instanceId, instanceType, availabilityZone: zone };
    this.set('dynamic/instance-identity/document', JSON.stringify(document));
    this.set('meta-data/instance-life-cycle', market);
    this.set('meta-data/events/maintenance/scheduled', '[]');
    if (fleetId !== null) this.set('meta-data/tags/instance/aws:ec2:fleet-id', fleetId);
  }

  #answer(method: string, url: string, headers: Record<string, unknown>): { status: number; body: string } {
    if (method === 'PUT' && url === '/latest/api/token') {
      if (headers['x-aws-ec2-metadata-token-ttl-seconds'] === undefined) return { status: 400, body: '' };
      const token = `token-${this.#tokens.size}-${this.requests}`;
      this.#tokens.add(token);
      return { status: 200, body: token };
    }
    if (!this.#tokens.has(String(headers['x-aws-ec2-metadata-token']))) return { status: 401, body: '' };
    const body = this.#paths.get(url.replace('/latest/', ''));
    return body === undefined ? { status: 404, body: '<html>404</html>' } : { status: 200, body };
  }
}
