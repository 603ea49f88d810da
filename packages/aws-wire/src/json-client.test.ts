import { describe, expect, test } from 'vitest';
import { JsonClient } from './json-client.ts';
import { loopbackServer } from './testing/loopback-server.ts';

async function answering(status: number, body: string) {
  const sent: { target: unknown; body: string }[] = [];
  const server = await loopbackServer((request, response) => {
    let text = '';
    request.on('data', (chunk: Buffer) => (text += chunk.toString()));
    request.on('end', () => {
      sent.push({ target: request.headers['x-amz-target'], body: text });
      response.writeHead(status).end(body);
    });
  });
  const client = new JsonClient({
    service: 'servicequotas',
    target: 'ServiceQuotasV20190624',
    region: 'us-east-1',
    endpoint: server.endpoint,
    credentials: async () => ({ accessKeyId: 'AKIA', secretAccessKey: 'secret' }),
    clock: { wallMs: () => Date.UTC(2026, 0, 1) },
  });
  return { ...server, client, sent };
}

describe('a JSON call', () => {
  test('names its action and gives what the service says', async () => {
    await using server = await answering(200, '{"Quotas":[]}');
    expect(await server.client.call('ListServiceQuotas', { ServiceCode: 'ec2' })).toEqual({
      status: 200,
      content: { Quotas: [] },
      errorCode: null,
    });
    expect(server.sent).toEqual([
      { target: 'ServiceQuotasV20190624.ListServiceQuotas', body: '{"ServiceCode":"ec2"}' },
    ]);
  });

  test.each([
    ['{"__type":"com.amazonaws.servicequotas#NoSuchResourceException","message":"none"}', 'NoSuchResourceException'],
    ['{"__type":"AccessDeniedException"}', 'AccessDeniedException'],
    ['<html>proxy</html>', null],
    ['', null],
  ])('reads the code of a refusal: %s', async (body, code) => {
    await using server = await answering(400, body);
    expect(await server.client.call('ListServiceQuotas', {})).toMatchObject({ status: 400, errorCode: code });
  });
});
