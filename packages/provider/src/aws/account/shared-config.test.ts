import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Environment } from '@runctl/core';
import { temporaryFolder } from '@runctl/testkit';
import { expect, test } from 'vitest';
import { readSharedConfig } from './shared-config.ts';

/** What this config file, a profile of it and these variables say together. */
async function sharedWith(config: string, environment: Environment, profile = 'default') {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'config');
  await writeFile(path, config);
  return readSharedConfig({ HOME: folder.path, AWS_CONFIG_FILE: path, ...environment }, profile);
}

const CONFIG = `
[default]
region = eu-west-1
endpoint_url = http://default:1

[profile minio]
endpoint_url = http://general:2
services = local

[profile ignoring]
endpoint_url = http://ignored:3
ignore_configured_endpoint_urls = true

[services local]
ec2 =
  endpoint_url = http://ec2:4
s3 =
  endpoint_url = http://s3:5
`;

test.each<[string, string, Environment, string | undefined]>([
  ['the default profile', 'default', {}, 'http://default:1'],
  ["the profile's services section before its own", 'minio', {}, 'http://s3:5'],
  ['variables before the file', 'minio', { AWS_ENDPOINT_URL: 'http://variable' }, 'http://variable'],
  [
    "the service's variable before the general one",
    'minio',
    { AWS_ENDPOINT_URL: 'http://variable', AWS_ENDPOINT_URL_S3: 'http://own' },
    'http://own',
  ],
  ['none where they are to be ignored', 'ignoring', { AWS_ENDPOINT_URL: 'http://variable' }, undefined],
  ['none where a variable says so', 'default', { AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: 'true' }, undefined],
  [
    'a variable before the profile that ignores',
    'ignoring',
    { AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: 'false' },
    'http://ignored:3',
  ],
])("takes the endpoint of the SDK's config file: %s", async (_, profile, environment, endpoint) => {
  expect((await sharedWith(CONFIG, environment, profile)).endpoint('S3')).toBe(endpoint);
});

test('gives each service its own endpoint', async () => {
  const shared = await sharedWith(CONFIG, {}, 'minio');
  expect((['S3', 'EC2', 'SSM'] as const).map((service) => shared.endpoint(service))).toEqual([
    'http://s3:5',
    'http://ec2:4',
    'http://general:2',
  ]);
});

test('a config file without endpoints names none', async () => {
  const shared = await sharedWith('[default]\nregion = eu-west-1\nservices = nowhere\n', {});
  expect(shared.endpoint('S3')).toBeUndefined();
});

test('finds the files below the home folder of the environment', async () => {
  await using folder = await temporaryFolder();
  await mkdir(join(folder.path, '.aws'));
  await writeFile(join(folder.path, '.aws', 'credentials'), '[work]\nendpoint_url = http://work:6\n');
  expect((await readSharedConfig({ HOME: folder.path }, 'work')).endpoint('SSM')).toBe('http://work:6');
});
