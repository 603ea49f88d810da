import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { silentLog, type Environment } from '@runctl/core';
import { serveRegion, type Region } from '@runctl/sandbox';
import { readBytes } from '@runctl/store';
import { temporaryFolder } from '@runctl/testkit';
import { afterEach, expect, test, vi } from 'vitest';
import { settingsWith, type Settings } from '../settings/schema.ts';
import { connectCloud } from './connect.ts';

const regions: Region[] = [];

afterEach(async () => {
  vi.unstubAllEnvs();
  await Promise.all(regions.splice(0).map((region) => region.close()));
});

async function startRegion(stateFolder: string): Promise<Region> {
  const region = await serveRegion({ stateFolder, level: 'process' });
  regions.push(region);
  return region;
}

function settingsOf(region: Region, more: Partial<Settings> = {}): Settings {
  const { bucket, region: name } = region.file;
  return settingsWith({ bucket, region: name, ...more });
}

/** Keys and endpoint of a region as variables, as `sandbox env` prints them. */
function variablesOf({ file }: Region): Environment {
  return {
    AWS_ENDPOINT_URL: file.endpoint,
    AWS_ACCESS_KEY_ID: file.accessKeyId,
    AWS_SECRET_ACCESS_KEY: file.secretAccessKey,
  };
}

/** The process's own environment names no account, and leads nowhere. */
function misleadProcess(): void {
  vi.stubEnv('AWS_ENDPOINT_URL', 'http://127.0.0.1:9');
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIASOMEBODYELSE');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'not-a-secret');
  vi.stubEnv('AWS_PROFILE', 'nobody');
}

test('one process holds two clouds, and each call reaches its own with its own keys', async () => {
  await using folder = await temporaryFolder();
  const [one, other] = [await startRegion(join(folder.path, 'one')), await startRegion(join(folder.path, 'other'))];
  misleadProcess();
  const before = { ...process.env };
  const clouds = await Promise.all(
    [one, other].map((region) => connectCloud(settingsOf(region), variablesOf(region), { log: silentLog })),
  );
  const wish = { machineTypes: ['c7i.large'], market: 'spot', architecture: 'x64', settings: {} } as const;
  expect(one.file.accessKeyId).not.toBe(other.file.accessKeyId);
  for (const round of [1, 2]) {
    const keys = await Promise.all(
      clouds.map(async ({ store, provider }, index) => {
        await store.put(`round-${round}`, Buffer.from(`cloud ${index}`));
        expect(await provider.machines()).toEqual([]);
        expect((await provider.offers(wish)).length).toBeGreaterThan(0);
        return Buffer.from(await readBytes(store, `round-${round}`)).toString();
      }),
    );
    expect(keys).toEqual(['cloud 0', 'cloud 1']);
  }
  // SSM's answer tells that the region took the signature: it knows no such instance.
  const signal = AbortSignal.timeout(10_000);
  for (const { provider } of clouds)
    await expect(provider.shell?.run('i-0123456789abcdef0', 'true', { timeoutMs: 1000, signal })).rejects.toMatchObject(
      {
        code: 'agent-unreachable',
      },
    );
  for (const cloud of clouds) cloud.close();
  expect({ ...process.env }).toEqual(before);
});

test('keys and endpoint of a profile by name come from the files that the environment names', async () => {
  await using folder = await temporaryFolder();
  const region = await startRegion(join(folder.path, 'region'));
  const { endpoint, accessKeyId, secretAccessKey } = region.file;
  await mkdir(join(folder.path, '.aws'));
  const keys = `aws_access_key_id = ${accessKeyId}\naws_secret_access_key = ${secretAccessKey}\n`;
  await writeFile(join(folder.path, '.aws', 'config'), `[profile lab]\nendpoint_url = ${endpoint}\n${keys}`);
  misleadProcess();
  const cloud = await connectCloud(settingsOf(region, { profile: 'lab' }), { HOME: folder.path }, { log: silentLog });
  await cloud.store.put('object', Buffer.from('written'));
  expect(await cloud.provider.machines()).toEqual([]);
  cloud.close();
});

test('without keys anywhere S3 and EC2 say so', async () => {
  await using folder = await temporaryFolder();
  const settings = settingsWith({ bucket: 'no-such-bucket', region: 'us-east-1' });
  misleadProcess();
  const environment = {
    HOME: folder.path,
    AWS_ENDPOINT_URL: 'http://127.0.0.1:9',
    AWS_EC2_METADATA_DISABLED: 'true',
  };
  const cloud = await connectCloud(settings, environment, { log: silentLog });
  await expect(cloud.store.head('object')).rejects.toThrow('Could not load credentials');
  await expect(cloud.provider.machines()).rejects.toMatchObject({ code: 'no-credentials' });
  cloud.close();
});

test.each<[string, Environment, boolean]>([
  ['AWS', {}, false],
  ['a local cloud', { AWS_ENDPOINT_URL: 'http://127.0.0.1:9' }, true],
  ['one by its name', { AWS_ENDPOINT_URL: 'http://localhost:9' }, true],
  ['one on IPv6', { AWS_ENDPOINT_URL: 'http://[::1]:9' }, true],
  ['one on another loopback address', { AWS_ENDPOINT_URL: 'http://127.8.0.1:9' }, true],
  ['one for machines alone', { AWS_ENDPOINT_URL_EC2: 'http://127.0.0.1:9' }, true],
  ['AWS, with a bucket on this computer', { AWS_ENDPOINT_URL_S3: 'http://127.0.0.1:9' }, false],
  ['AWS, by an endpoint of a VPC', { AWS_ENDPOINT_URL_EC2: 'https://vpce-1.ec2.us-east-1.vpce.amazonaws.com' }, false],
  ['a cloud on another computer', { AWS_ENDPOINT_URL: 'http://192.0.2.1:9' }, false],
  ['a host that is named like an address', { AWS_ENDPOINT_URL: 'http://127.example.org' }, false],
])('knows whose machines they are: %s', async (_what, environment, isLocal) => {
  const keys = { AWS_ACCESS_KEY_ID: 'AKIAONE', AWS_SECRET_ACCESS_KEY: 'secret' };
  const settings = settingsWith({ bucket: 'training', region: 'us-east-1' });
  const cloud = await connectCloud(settings, { ...keys, ...environment }, { log: silentLog });
  cloud.close();
  expect(cloud.isLocal).toBe(isLocal);
});
