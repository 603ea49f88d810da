import { createServer, type RequestListener, type Server } from 'node:http';
import { mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { S3Client, S3ServiceException, type S3ClientConfig } from '@aws-sdk/client-s3';
import type { CredentialStore, Secret } from '../../model/account/principal.ts';
import type { RegionClock } from '../../model/region-clock.ts';
import { createS3Service, type S3Service, type S3ServiceOptions } from '../s3/index.ts';

export const user = { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'user-secret' } as const;
export const role = {
  accessKeyId: 'ASIAIOSFODNN7EXAMPLE',
  secretAccessKey: 'role-secret',
  sessionToken: 'role-session-token+/=',
} as const;

/** Real time, plus what a test adds to it. */
interface MovableClock extends RegionClock {
  advance(ms: number): void;
}

function movableClock(): MovableClock {
  let offsetMs = 0;
  return {
    scale: 1,
    nowMs: () => Date.now() + offsetMs,
    advance: (ms) => {
      offsetMs += ms;
    },
  };
}

/** Two identities: a user, and the role session of instance i-0123456789abcdef0 that expires in an hour. */
function credentialStore(): CredentialStore {
  const secrets: Secret[] = [
    {
      ...user,
      principal: { accessKeyId: user.accessKeyId, kind: 'user', arn: 'arn:aws:iam::000000000000:user/tester' },
    },
    {
      ...role,
      expiresAtMs: Date.now() + 3_600_000,
      principal: {
        accessKeyId: role.accessKeyId,
        kind: 'role',
        arn: 'arn:aws:sts::000000000000:assumed-role/node/i-0123456789abcdef0',
        instanceId: 'i-0123456789abcdef0',
      },
    },
  ];
  const byId = new Map(secrets.map((secret) => [secret.principal.accessKeyId, secret]));
  return { find: (accessKeyId) => byId.get(accessKeyId) };
}

async function listen(listener: RequestListener): Promise<{ server: Server; endpoint: string }> {
  const server = createServer(listener);
  server.on('checkExpectation', listener);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return { server, endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

/** Our S3 on loopback over a temporary folder, and clients for it with the SDK's default settings. */
export class S3Server {
  readonly root = mkdtempSync(join(tmpdir(), 'runctl-s3-'));
  readonly clock = movableClock();
  readonly #credentials = credentialStore();
  readonly #clients: S3Client[] = [];
  service!: S3Service;
  endpoint = '';
  #server!: Server;

  readonly #options: Partial<S3ServiceOptions>;

  private constructor(options: Partial<S3ServiceOptions>) {
    this.#options = options;
  }

  static async start(options: Partial<S3ServiceOptions> = {}): Promise<S3Server> {
    const started = new S3Server(options);
    await started.#start();
    return started;
  }

  async #start(): Promise<void> {
    this.service = createS3Service({
      root: this.root,
      credentials: this.#credentials,
      clock: this.clock,
      ...this.#options,
    });
    const { server, endpoint } = await listen((request, response) => void this.service.handle(request, response));
    this.#server = server;
    this.endpoint = endpoint;
  }

  async #stop(): Promise<void> {
    for (const client of this.#clients.splice(0)) client.destroy();
    this.#server.closeAllConnections();
    await new Promise((resolve) => {
      this.#server.close(resolve);
    });
    this.service.close();
  }

  /** A new service over the same folder, at a new address; clients made before are gone. */
  async restart(): Promise<void> {
    await this.#stop();
    await this.#start();
  }

  /** A client with the SDK's default settings, but for retries, which would hide what is being asked. */
  client(config: S3ClientConfig = {}): S3Client {
    const client = new S3Client({
      endpoint: this.endpoint,
      region: 'us-east-1',
      credentials: user,
      maxAttempts: 1,
      ...config,
    });
    this.#clients.push(client);
    return client;
  }

  async close(): Promise<void> {
    await this.#stop();
    rmSync(this.root, { recursive: true, force: true });
  }
}

/** The S3 error that the attempt ends with; fails the test if it ends well. */
export async function failureOf(attempt: Promise<unknown>): Promise<{ name: string; status: number | undefined }> {
  const error = await attempt.then(
    () => new Error('the request should have failed'),
    (error: unknown) => error,
  );
  if (!(error instanceof S3ServiceException)) throw error;
  return { name: error.name, status: error.$metadata.httpStatusCode };
}
