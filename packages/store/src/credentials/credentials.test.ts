import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Clock } from '@runctl/core';
import { FakeClock } from '@runctl/testkit';
import { describe, expect, test } from 'vitest';
import { environmentCredentials } from './environment.ts';
import { instanceCredentials } from './instance-metadata.ts';

const ROLE_PATH = '/latest/meta-data/iam/security-credentials/';

/** IMDSv2 with a role. Its own clock may differ from the machine's. */
class Metadata implements AsyncDisposable {
  readonly requests: string[] = [];
  endpoint = '';
  lifetimeMs = 6 * 3_600_000;
  nowMs = Date.UTC(2026, 0, 1);
  failures: number[] = [];
  role: string | null = 'node role';
  issued = 0;
  #token = 0;
  readonly #server = createServer((request, response) => {
    const { method = '', url = '', headers } = request;
    this.requests.push(`${method} ${url}`);
    response.setHeader('date', new Date(this.nowMs).toUTCString());
    const failure = this.failures.shift();
    const answer = (status: number, text = '') => response.writeHead(status).end(text);
    if (failure !== undefined) {
      if (failure === 401) this.#token++;
      return answer(failure);
    }
    if (method === 'PUT') {
      if (headers['x-aws-ec2-metadata-token-ttl-seconds'] === undefined) return answer(400);
      return answer(200, `token-${this.#token}`);
    }
    if (headers['x-aws-ec2-metadata-token'] !== `token-${this.#token}`) return answer(401);
    if (this.role === null) return answer(404);
    if (url === ROLE_PATH) return answer(200, this.role);
    if (url !== ROLE_PATH + encodeURIComponent(this.role)) return answer(404);
    return answer(
      200,
      JSON.stringify({
        Code: 'Success',
        AccessKeyId: `ASIA${++this.issued}`,
        SecretAccessKey: 'secret',
        Token: 'session',
        Expiration: new Date(this.nowMs + this.lifetimeMs).toISOString(),
      }),
    );
  });

  static async start(): Promise<Metadata> {
    const metadata = new Metadata();
    await new Promise<void>((resolve) => {
      metadata.#server.listen(0, '127.0.0.1', resolve);
    });
    metadata.endpoint = `http://127.0.0.1:${(metadata.#server.address() as AddressInfo).port}`;
    return metadata;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => {
      this.#server.close(resolve);
    });
  }
}

/** The machine's clock is an hour behind; pauses end at once. */
function machineClock(): FakeClock & Clock {
  const clock = new FakeClock(Date.UTC(2025, 11, 31, 23));
  clock.sleep = async () => {};
  return clock;
}

describe("credentials of the instance's role", () => {
  test('are read once and kept until shortly before their end, by the time of the metadata service', async () => {
    await using metadata = await Metadata.start();
    const clock = machineClock();
    const provide = instanceCredentials({ clock, endpoint: metadata.endpoint });
    expect(await provide()).toMatchObject({ accessKeyId: 'ASIA1', sessionToken: 'session' });
    expect(await provide()).toMatchObject({ accessKeyId: 'ASIA1' });
    expect(metadata.requests).toEqual(['PUT /latest/api/token', `GET ${ROLE_PATH}`, `GET ${ROLE_PATH}node%20role`]);
    await clock.advance(metadata.lifetimeMs - 660_000);
    expect(await provide()).toMatchObject({ accessKeyId: 'ASIA1' });
    await clock.advance(120_000);
    expect(await provide()).toMatchObject({ accessKeyId: 'ASIA2' });
  });

  test('are asked for once by many callers', async () => {
    await using metadata = await Metadata.start();
    const provide = instanceCredentials({ clock: machineClock(), endpoint: metadata.endpoint });
    await Promise.all([provide(), provide(), provide()]);
    expect(metadata.issued).toBe(1);
  });

  test('survive a service that stumbles or forgets its tokens', async () => {
    await using metadata = await Metadata.start();
    metadata.failures = [503, 500];
    const provide = instanceCredentials({ clock: machineClock(), endpoint: metadata.endpoint });
    expect(await provide()).toMatchObject({ accessKeyId: 'ASIA1' });
    metadata.failures = [401];
    expect(await provide({ refresh: true })).toMatchObject({ accessKeyId: 'ASIA2' });
  });

  test('go on being used while a renewal fails, and end when they end', async () => {
    await using metadata = await Metadata.start();
    const clock = machineClock();
    const provide = instanceCredentials({ clock, endpoint: metadata.endpoint });
    await provide();
    metadata.failures = Array.from({ length: 1000 }, () => 503);
    await clock.advance(metadata.lifetimeMs - 60_000);
    expect(await provide()).toMatchObject({ accessKeyId: 'ASIA1' });
    const asked = metadata.requests.length;
    expect(await provide()).toMatchObject({ accessKeyId: 'ASIA1' });
    expect(metadata.requests).toHaveLength(asked);
    await clock.advance(60_001);
    await expect(provide()).rejects.toMatchObject({ kind: 'transient' });
    metadata.failures = [];
    expect(await provide()).toMatchObject({ accessKeyId: 'ASIA2' });
  });

  test('are missing, and said to be, on an instance without a role', async () => {
    await using metadata = await Metadata.start();
    metadata.role = null;
    const provide = instanceCredentials({ clock: machineClock(), endpoint: metadata.endpoint });
    await expect(provide()).rejects.toMatchObject({ kind: 'credentials' });
    await expect(provide()).rejects.toThrow('without an instance profile');
  });
});

describe('credentials of the environment', () => {
  test('are taken from the standard variables', async () => {
    const environment = { AWS_ACCESS_KEY_ID: 'AKIA', AWS_SECRET_ACCESS_KEY: 's', AWS_SESSION_TOKEN: 't' };
    expect(await environmentCredentials(environment)()).toEqual({
      accessKeyId: 'AKIA',
      secretAccessKey: 's',
      sessionToken: 't',
    });
    await expect(environmentCredentials({ AWS_ACCESS_KEY_ID: 'AKIA' })()).rejects.toMatchObject({
      kind: 'credentials',
    });
  });
});
