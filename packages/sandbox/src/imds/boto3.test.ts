import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { missingClient, runClient } from '../api/testing/client-process.ts';
import { eventually, regionServer } from '../api/testing/region-server.ts';
import { launchData } from '../model/testing/model-region.ts';
import { createMetadataServices } from './metadata-services.ts';

const python = '/usr/bin/python3';
const script = `
import boto3, json, sys
session = boto3.Session(region_name="us-east-1")
sts = session.client("sts", endpoint_url=sys.argv[1])
print(json.dumps([session.get_credentials().method, sts.get_caller_identity()["Arn"]]))
`;

test('botocore takes an instance role from the metadata service and is known by it', async (context) => {
  const found = missingClient(python) === null && (await runClient(python, ['-c', 'import boto3'], {})).exitCode === 0;
  if (!found) context.skip('boto3 is not installed');
  await using region = await regionServer();
  const { launcher } = region.compute;
  const origin = { reservationId: 'r-1', launchIndex: 0, clientToken: '', fleetId: null };
  const instance = launcher.launch(launcher.place(launchData, null, 1), origin);
  await eventually(() => Promise.resolve(instance.machine ?? undefined), 'the machine runs');
  const server = createServer(createMetadataServices(region.compute).listenerFor(instance.id));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const outcome = await runClient(python, ['-c', script, region.endpoint], {
    AWS_EC2_METADATA_SERVICE_ENDPOINT: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
  });
  server.closeAllConnections();
  server.close();
  expect(outcome.stderr).toBe('');
  const arn = `arn:aws:sts::123456789012:assumed-role/runctl-instance/${instance.id}`;
  expect(JSON.parse(outcome.stdout)).toEqual(['iam-role', arn]);
});
