import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from '@runctl/testkit';
import { afterEach, expect, test, vi } from 'vitest';
import { s3EndpointOfSdk } from './s3-endpoint.ts';

afterEach(() => void vi.unstubAllEnvs());

/** What is found with this config file, and these variables and no others that could tell. */
async function endpointWith(config: string, environment: Readonly<Record<string, string>> = {}) {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'config');
  await writeFile(path, config);
  const none = ['AWS_PROFILE', 'AWS_ENDPOINT_URL', 'AWS_ENDPOINT_URL_S3', 'AWS_IGNORE_CONFIGURED_ENDPOINT_URLS'];
  for (const name of none) vi.stubEnv(name, undefined);
  vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', join(folder.path, 'credentials'));
  vi.stubEnv('AWS_CONFIG_FILE', path);
  for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
  return s3EndpointOfSdk();
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

test.each<[string, Readonly<Record<string, string>>, string | undefined]>([
  ['the default profile', {}, 'http://default:1'],
  ["the profile's services section before its own", { AWS_PROFILE: 'minio' }, 'http://s3:5'],
  ['variables before the file', { AWS_PROFILE: 'minio', AWS_ENDPOINT_URL: 'http://variable' }, 'http://variable'],
  ['none where they are to be ignored', { AWS_PROFILE: 'ignoring' }, undefined],
  ['none where a variable says so', { AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: 'true' }, undefined],
])("takes the endpoint of the SDK's config file: %s", async (_, environment, endpoint) => {
  expect(await endpointWith(CONFIG, environment)).toBe(endpoint);
});

test('a config file without endpoints names none', async () => {
  expect(await endpointWith('[default]\nregion = eu-west-1\nservices = nowhere\n')).toBeUndefined();
});
