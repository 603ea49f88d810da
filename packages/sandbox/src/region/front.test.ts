import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DescribeRegionsCommand, EC2Client } from '@aws-sdk/client-ec2';
import { ListDocumentsCommand, SSMClient } from '@aws-sdk/client-ssm';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { RequestSigner, sha256Hex } from '@runctl/aws-wire';
import { silentLog, systemClock } from '@runctl/core';
import { describe, expect, test } from 'vitest';
import { modelRegion } from '../model/testing/model-region.ts';
import { createFront } from './front.ts';
import { servicesOf } from './services.ts';

/** The front of a region in Ireland, without its S3. */
async function front() {
  const region = await modelRegion();
  const { compute } = region;
  const server = createServer(
    createFront({
      s3: { handle: async (_, response) => void response.writeHead(404).end('s3') },
      services: servicesOf(compute),
      credentials: compute.credentials,
      clock: { nowMs: () => systemClock.wallMs(), scale: 1 },
      region: 'eu-west-1',
      log: silentLog,
    }),
  );
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const client = { endpoint, credentials: compute.credentials.userKey, maxAttempts: 1 };
  return {
    endpoint,
    client,
    credentials: compute.credentials.userKey,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await region[Symbol.asyncDispose]();
    },
  };
}

test('requests that are signed for another region are refused, but for STS in us-east-1', async () => {
  await using at = await front();
  const [home, abroad] = ['eu-west-1', 'us-east-1'].map((region) => ({ ...at.client, region }));
  await new EC2Client(home!).send(new DescribeRegionsCommand({}));
  await expect(new EC2Client(abroad!).send(new DescribeRegionsCommand({}))).rejects.toMatchObject({
    name: 'AuthFailure',
  });
  await expect(new SSMClient(abroad!).send(new ListDocumentsCommand({}))).rejects.toMatchObject({
    name: 'InvalidSignatureException',
  });
  await new STSClient(abroad!).send(new GetCallerIdentityCommand({}));
  await expect(
    new STSClient({ ...at.client, region: 'eu-central-1' }).send(new GetCallerIdentityCommand({})),
  ).rejects.toMatchObject({ name: 'SignatureDoesNotMatch' });
});

test.each([
  ['us-east-1', 200],
  ['eu-central-1', 200],
  ['ap-south-1', 200],
  ['eu-west-1', 200],
  ['us-west-2', 400],
])('the price list answers what is signed for %s: %s', async (region, status) => {
  await using at = await front();
  const { hostname, port } = new URL(at.endpoint);
  const body = '{"ServiceCode":"AmazonEC2","MaxResults":1}';
  const own = { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': 'AWSPriceListService.GetProducts' };
  const target = { method: 'POST', hostname, port: Number(port), path: '/', query: {} };
  const signer = new RequestSigner({ service: 'pricing', region, clock: systemClock });
  const headers = signer.sign({ ...target, headers: own, payloadHash: sha256Hex(body) }, at.credentials);
  const answer = await fetch(at.endpoint, { method: 'POST', headers, body });
  expect(answer.status).toBe(status);
  if (status === 200) expect(await answer.json()).toMatchObject({ PriceList: [expect.any(String)], NextToken: '1' });
});

describe('a service that the region does not have', () => {
  const ask = async (service: string, own: { headers: Record<string, string>; body: string }) => {
    await using at = await front();
    const { hostname, port } = new URL(at.endpoint);
    const signer = new RequestSigner({ service, region: 'eu-west-1', clock: systemClock });
    const target = { method: 'POST', hostname, port: Number(port), path: '/', query: {} };
    const headers = signer.sign({ ...target, headers: own.headers, payloadHash: sha256Hex(own.body) }, at.credentials);
    const answer = await fetch(at.endpoint, { method: 'POST', headers, body: own.body });
    return { status: answer.status, type: answer.headers.get('content-type'), text: await answer.text() };
  };
  const form = { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' };

  test.each(['sns', 'cloudformation', 'autoscaling', 'monitoring'])(
    'is refused in XML when it speaks the query protocol: %s',
    async (service) => {
      const { status, type, text } = await ask(service, { headers: form, body: 'Action=ListThings&Version=1' });
      expect([status, type]).toEqual([400, 'text/xml']);
      expect(text).toMatch(
        /^<ErrorResponse xmlns="[^"]+"><Error><Type>Sender<\/Type><Code>InvalidAction<\/Code><Message>[^<]*ListThings[^<]*<\/Message><\/Error><RequestId>[^<]+<\/RequestId><\/ErrorResponse>$/,
      );
    },
  );

  test('is refused in JSON when it speaks that', async () => {
    const headers = { 'content-type': 'application/x-amz-json-1.0', 'x-amz-target': 'DynamoDB_20120810.ListTables' };
    const { status, type, text } = await ask('dynamodb', { headers, body: '{}' });
    expect([status, type]).toEqual([501, 'application/x-amz-json-1.0']);
    expect(JSON.parse(text)).toMatchObject({ __type: 'UnknownOperationException' });
  });
});
