import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Environment } from '@runctl/core';
import { temporaryFolder } from '@runctl/testkit';
import { afterEach, expect, test, vi } from 'vitest';
import { awsAccount } from './account.ts';

afterEach(() => void vi.unstubAllEnvs());

const KEYS = { accessKeyId: 'AKIAENVIRONMENT', secretAccessKey: 'e' };

/** A home folder with these credentials, by profile. */
async function home(profiles: Readonly<Record<string, string>>) {
  const folder = await temporaryFolder();
  await mkdir(join(folder.path, '.aws'));
  const sections = Object.entries(profiles).map(
    ([name, key]) => `[${name}]\naws_access_key_id = ${key}\naws_secret_access_key = s\n`,
  );
  await writeFile(join(folder.path, '.aws', 'credentials'), sections.join('\n'));
  return folder;
}

/** Answers as a container's endpoint of credentials, with another key each time. */
async function containerEndpoint() {
  let asked = 0;
  const server = createServer((_, response) => {
    asked += 1;
    const Expiration = new Date(Date.now() + 3_600_000).toISOString();
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ AccessKeyId: `ASIA${asked}`, SecretAccessKey: 's', Token: 't', Expiration }));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`,
    [Symbol.asyncDispose]: async () => {
      server.close();
      await once(server, 'close');
    },
  };
}

const account = (environment: Environment, more: { profile?: string; keys?: typeof KEYS } = {}) =>
  awsAccount({ environment, region: 'eu-west-1', profile: more.profile, keys: more.keys ?? null });

test('a profile by name wins over keys of the environment, and these over AWS_PROFILE', async () => {
  await using folder = await home({ lab: 'AKIALAB', other: 'AKIAOTHER', default: 'AKIADEFAULT' });
  const environment = { HOME: folder.path, AWS_PROFILE: 'other' };
  const keyOf = async (found: ReturnType<typeof awsAccount>) => (await found.credentials()).accessKeyId;
  expect(await keyOf(account(environment, { keys: KEYS, profile: 'lab' }))).toBe('AKIALAB');
  expect(await keyOf(account(environment, { keys: KEYS }))).toBe('AKIAENVIRONMENT');
  expect(await keyOf(account(environment))).toBe('AKIAOTHER');
  expect(await keyOf(account({ HOME: folder.path }))).toBe('AKIADEFAULT');
});

test("keys of a container come from its environment's endpoint, not from the process's", async () => {
  await using folder = await home({});
  await using endpoint = await containerEndpoint();
  vi.stubEnv('AWS_CONTAINER_CREDENTIALS_FULL_URI', 'http://127.0.0.1:9/nobody');
  vi.stubEnv('AWS_CONTAINER_CREDENTIALS_RELATIVE_URI', '/nobody');
  const found = account({ HOME: folder.path, AWS_CONTAINER_CREDENTIALS_FULL_URI: endpoint.url });
  expect(await found.credentials()).toMatchObject({ accessKeyId: 'ASIA1', sessionToken: 't' });
  expect((await found.credentials()).accessKeyId).toBe('ASIA1');
  expect((await found.credentials({ refresh: true })).accessKeyId).toBe('ASIA2');
  const { credentials } = await found.access();
  expect(await (credentials as () => Promise<unknown>)()).toMatchObject({
    accessKeyId: 'ASIA2',
    expiration: expect.any(Date),
  });
});

test('without keys anywhere the error says so', async () => {
  await using folder = await home({});
  const found = account({ HOME: folder.path, AWS_EC2_METADATA_DISABLED: 'true' });
  await expect(found.credentials()).rejects.toThrow('Could not load credentials from any providers');
});
