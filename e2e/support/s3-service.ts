import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createS3Service, type S3Service } from '@runctl/sandbox/s3';
import { temporaryFolder } from '@runctl/testkit';
import { systemClock } from '@runctl/core';
import { fixedCredentials, S3Store, type S3StoreOptions } from '@runctl/store';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';

const keys = { accessKeyId: 'AKIASTORETEST0000000', secretAccessKey: 'store-test-secret' };

/** The sandbox's S3 alone, on loopback over a temporary folder, with one bucket in it. */
export class S3World implements AsyncDisposable {
  readonly endpoint: string;
  readonly service: S3Service;
  readonly bucket = 'store-test';
  /** The SDK's client: the independent reader and writer. */
  readonly sdk: S3Client;
  readonly #end: () => Promise<void>;
  readonly #stores: S3Store[] = [];

  private constructor(endpoint: string, service: S3Service, end: () => Promise<void>) {
    this.endpoint = endpoint;
    this.service = service;
    this.#end = end;
    this.sdk = new S3Client({ endpoint, region: 'us-east-1', credentials: keys, forcePathStyle: true, maxAttempts: 1 });
  }

  static async start(): Promise<S3World> {
    const folder = await temporaryFolder('runctl-s3');
    const principal = {
      accessKeyId: keys.accessKeyId,
      kind: 'user' as const,
      arn: 'arn:aws:iam::000000000000:user/tester',
    };
    const service = createS3Service({
      root: folder.path,
      credentials: { find: (id) => (id === keys.accessKeyId ? { ...keys, principal } : undefined) },
      clock: { nowMs: () => Date.now(), scale: 1 },
      enforceRegion: true,
    });
    const server = createServer((request, response) => void service.handle(request, response));
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    const { port } = server.address() as AddressInfo;
    const world = new S3World(`http://127.0.0.1:${port}`, service, async () => {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
      service.close();
      await folder[Symbol.asyncDispose]();
    });
    await world.sdk.send(new CreateBucketCommand({ Bucket: world.bucket }));
    return world;
  }

  store(options: Partial<S3StoreOptions> = {}): S3Store {
    const store = new S3Store({
      bucket: this.bucket,
      region: 'us-east-1',
      endpoint: this.endpoint,
      credentials: fixedCredentials(keys),
      clock: systemClock,
      ...options,
    });
    this.#stores.push(store);
    return store;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const store of this.#stores) store.close();
    this.sdk.destroy();
    await this.#end();
  }
}
