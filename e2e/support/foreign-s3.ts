import { S3Client, CreateBucketCommand, GetObjectCommand } from '@aws-sdk/client-s3';
import { execa } from 'execa';
import { createServer, type AddressInfo } from 'node:net';
import { systemClock } from '@runctl/core';
import { S3Store, fixedCredentials } from '@runctl/store';
import { eventually } from './eventually.ts';

/** A running S3 server that somebody else wrote. */
export interface ForeignServer {
  readonly endpoint: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  close(): Promise<void>;
}

/** A bucket of such a server: our store, and the SDK's client as the reader that decides. */
export class ForeignBucket implements AsyncDisposable {
  readonly bucket = 'conformance';
  readonly sdk: S3Client;
  readonly store: S3Store;
  readonly server: ForeignServer;

  private constructor(server: ForeignServer) {
    this.server = server;
    const { endpoint, credentials } = server;
    const region = 'us-east-1';
    this.sdk = new S3Client({ endpoint, region, credentials, forcePathStyle: true });
    this.store = new S3Store({
      endpoint,
      region,
      bucket: this.bucket,
      credentials: fixedCredentials(credentials),
      clock: systemClock,
    });
  }

  static async open(server: ForeignServer): Promise<ForeignBucket> {
    const opened = new ForeignBucket(server);
    await opened.sdk.send(new CreateBucketCommand({ Bucket: opened.bucket }));
    return opened;
  }

  /** As the SDK reads it, compared by the SDK with the checksum that the server kept. */
  async read(key: string): Promise<{ readonly bytes: Buffer; readonly checked: boolean }> {
    const { Body, ChecksumCRC32 } = await this.sdk.send(
      new GetObjectCommand({ Bucket: this.bucket, Key: key, ChecksumMode: 'ENABLED' }),
    );
    const bytes = Buffer.from((await Body?.transformToByteArray()) ?? []);
    return { bytes, checked: ChecksumCRC32 !== undefined };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.store.close();
    this.sdk.destroy();
    await this.server.close();
  }
}

/** moto's version in this Python; null where its server is not to be had. */
export async function motoVersion(python: string | undefined): Promise<string | null> {
  if (python === undefined) return null;
  const finished = await execa(python, ['-c', 'import moto, moto.server; print(moto.__version__)'], { reject: false });
  return finished.exitCode === 0 ? `moto ${finished.stdout.trim()}` : null;
}

/** moto's server, of a Python that has it. */
export async function startMoto(python: string): Promise<ForeignServer> {
  const port = await freePort();
  const server = daemon(python, ['-m', 'moto.server', '-H', '127.0.0.1', '-p', String(port)]);
  const endpoint = `http://127.0.0.1:${port}`;
  await answers(endpoint, server);
  return {
    endpoint,
    credentials: { accessKeyId: 'AKIAMOTO', secretAccessKey: 'secret' },
    close: () => end([server]),
  };
}

export type Daemon = ReturnType<typeof daemon>;

/** A server in the foreground, so that it ends with the tests. */
export function daemon(command: string, args: readonly string[]) {
  return execa(command, args, { reject: false, stdin: 'ignore', stdout: 'ignore', cleanup: true });
}

/** Waits until a server takes requests; fails when its process ends before. */
export async function answers(endpoint: string, server: Daemon): Promise<void> {
  const ended = server.then(({ stderr }): never => {
    throw new Error(`the server ended: ${stderr}`);
  });
  const answered = untilAnswered(endpoint);
  await Promise.race([answered, ended]);
  // It ends some day.
  ended.catch(() => {});
}

async function untilAnswered(endpoint: string): Promise<void> {
  await eventually(
    `${endpoint} answers`,
    async () => {
      return fetch(endpoint).then(
        (answer) => answer.arrayBuffer().then(() => true),
        () => false,
      );
    },
    60_000,
  );
}

export async function end(servers: readonly Daemon[]): Promise<void> {
  for (const server of servers) server.kill('SIGKILL');
  await Promise.all(servers);
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => {
    server.close(resolve);
  });
  return port;
}
