import {
  DecodeAuthorizationMessageCommand,
  GetCallerIdentityCommand,
  GetSessionTokenCommand,
  STSClient,
} from '@aws-sdk/client-sts';
import { expect, test } from 'vitest';
import { launchData } from '../../model/testing/model-region.ts';
import { regionServer } from '../testing/region-server.ts';

test('GetCallerIdentity names the user, and the session of an instance', async () => {
  await using region = await regionServer();
  const { credentials, launcher } = region.compute;
  const identityOf = async (keys: { accessKeyId: string; secretAccessKey: string; sessionToken?: string }) => {
    const client = new STSClient({ endpoint: region.endpoint, region: 'us-east-1', credentials: keys });
    const { Account, Arn, UserId } = await client.send(new GetCallerIdentityCommand({}));
    client.destroy();
    return { Account, Arn, UserId };
  };
  expect(await identityOf(credentials.userKey)).toEqual({
    Account: '123456789012',
    Arn: 'arn:aws:iam::123456789012:user/sandbox',
    UserId: 'AIDASANDBOXUSER000000',
  });
  const origin = { reservationId: 'r-1', launchIndex: 0, clientToken: '', fleetId: null };
  const instance = launcher.launch(launcher.place(launchData, null, 1), origin);
  expect(await identityOf(credentials.sessionOf(instance, 'runctl-instance'))).toEqual({
    Account: '123456789012',
    Arn: `arn:aws:sts::123456789012:assumed-role/runctl-instance/${instance.id}`,
    UserId: `AROASANDBOXROLE000000:${instance.id}`,
  });
});

test('DecodeAuthorizationMessage gives what a planned refusal has in it, to the user alone', async () => {
  await using region = await regionServer();
  const { credentials, launcher } = region.compute;
  const decode = async (EncodedMessage: string, keys: typeof credentials.userKey & { sessionToken?: string }) => {
    const client = new STSClient({ endpoint: region.endpoint, region: 'us-east-1', credentials: keys });
    const answer = client.send(new DecodeAuthorizationMessageCommand({ EncodedMessage }));
    return answer.then(({ DecodedMessage }) => DecodedMessage).finally(() => client.destroy());
  };
  const encoded = Buffer.from('{"explicitDeny":true}').toString('base64url');
  expect(await decode(encoded, credentials.userKey)).toBe('{"explicitDeny":true}');
  await expect(decode('garbage', credentials.userKey)).rejects.toMatchObject({
    name: 'InvalidAuthorizationMessageException',
  });
  const origin = { reservationId: 'r-1', launchIndex: 0, clientToken: '', fleetId: null };
  const instance = launcher.launch(launcher.place(launchData, null, 1), origin);
  const role = credentials.sessionOf(instance, 'runctl-instance');
  await expect(decode(encoded, role)).rejects.toMatchObject({ name: 'AccessDenied' });
});

test('other actions of STS are refused', async () => {
  await using region = await regionServer();
  const client = new STSClient({
    endpoint: region.endpoint,
    region: 'us-east-1',
    credentials: region.compute.credentials.userKey,
  });
  await expect(client.send(new GetSessionTokenCommand({}))).rejects.toEqual(
    expect.objectContaining({ name: 'InvalidAction' }),
  );
  client.destroy();
});
