import { systemClock } from '@runctl/core';
import { freezes, frozenEndpoint } from '@runctl/testkit';
import { describe, expect, test } from 'vitest';
import { awsAccount } from '../account/account.ts';
import { createAwsProvider } from '../aws-provider.ts';
import type { CallLimits, RepeatedCall } from './call-limits.ts';

const limits: CallLimits = { connectMs: 100, answerMs: 200, wholeMs: 400, searchMs: 1500 };
/** Six tries with their pauses. */
const LONGEST_MS = 15_000;

function providerAt(url: string, onRepeat: (repeated: RepeatedCall) => void = () => {}) {
  return createAwsProvider({
    region: 'us-east-1',
    endpoints: { ec2: url, ssm: url },
    credentials: { accessKeyId: 'k', secretAccessKey: 's' },
    clock: systemClock,
    limits,
    onRepeat,
  });
}

describe.each(freezes)('where a service %s', { concurrent: true }, (freeze) => {
  test('EC2 is given up, after tries that are told', { timeout: LONGEST_MS }, async () => {
    await using endpoint = await frozenEndpoint(freeze);
    const repeats: RepeatedCall[] = [];
    const provider = providerAt(endpoint.url, (repeated) => repeats.push(repeated));
    await expect(provider.machines('r-1')).rejects.toMatchObject({ code: 'cloud-unreachable' });
    // What does not speak HTTP is asked once.
    if (freeze !== 'is no web server')
      expect(repeats[0]).toMatchObject({ service: 'EC2', attempt: 2, error: expect.any(Error) as unknown });
    provider.close();
  });

  test('what changes a fleet is given up', { timeout: LONGEST_MS }, async () => {
    await using endpoint = await frozenEndpoint(freeze);
    const provider = providerAt(endpoint.url);
    const ref = { region: 'us-east-1', fleetId: 'fleet-1', launchTemplateId: 'lt-1' };
    await expect(provider.markets.switchTo(ref, 'spot', 1)).rejects.toMatchObject({ code: 'cloud-unreachable' });
    provider.close();
  });

  test('SSM is given up', { timeout: LONGEST_MS }, async () => {
    await using endpoint = await frozenEndpoint(freeze);
    const provider = providerAt(endpoint.url);
    const running = provider.shell.run('i-1', 'true', { timeoutMs: 60_000 });
    await expect(running).rejects.toMatchObject({ code: 'cloud-unreachable' });
    provider.close();
  });

  test('a role that STS would give is not waited for', { timeout: LONGEST_MS }, async () => {
    await using endpoint = await frozenEndpoint(freeze);
    const account = awsAccount({
      environment: {
        AWS_ROLE_ARN: 'arn:aws:iam::1:role/r',
        AWS_WEB_IDENTITY_TOKEN_FILE: import.meta.filename,
        AWS_ENDPOINT_URL_STS: endpoint.url,
        AWS_EC2_METADATA_DISABLED: 'true',
        AWS_CONFIG_FILE: '/dev/null',
        AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
      },
      profile: undefined,
      region: 'us-east-1',
      keys: null,
      calls: { limits },
    });
    await expect(account.credentials()).rejects.toMatchObject({ code: 'cloud-unreachable' });
  });
});
