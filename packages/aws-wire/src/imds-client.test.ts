import { FakeClock } from '@runctl/testkit';
import { describe, expect, test } from 'vitest';
import { createImds } from './imds-client.ts';
import { loopbackServer } from './testing/loopback-server.ts';

const SIX_HOURS_MS = 21_600_000;

/** IMDSv2 that is strict about tokens: `tokens` counts those given, of which the last is good. */
async function strictImds() {
  const state = { tokens: 0, requests: [] as string[], connections: new Set<unknown>(), tokenStatus: 200 };
  const server = await loopbackServer((request, response) => {
    const { method = '', url = '', headers, socket } = request;
    state.requests.push(`${method} ${url}`);
    state.connections.add(socket);
    if (method === 'PUT') {
      if (state.tokenStatus !== 200) return response.writeHead(state.tokenStatus).end();
      const ttl = headers['x-aws-ec2-metadata-token-ttl-seconds'];
      return ttl === '21600' ? response.end(`token-${++state.tokens}`) : response.writeHead(400).end();
    }
    if (headers['x-aws-ec2-metadata-token'] !== `token-${state.tokens}`) return response.writeHead(401).end();
    return url === '/latest/meta-data/instance-id' ? response.end('i-1') : response.writeHead(404).end();
  });
  const clock = new FakeClock();
  return { server, state, clock, imds: createImds({ endpoint: `${server.endpoint}/`, clock, timeoutMs: 2000 }) };
}

describe('the metadata service', () => {
  test('is asked with one token over one connection, and every status is an answer', async () => {
    const { server, state, imds } = await strictImds();
    await using _ = server;
    const answer = await imds.get('meta-data/instance-id');
    expect(answer).toMatchObject({ status: 200, body: 'i-1', dateMs: expect.any(Number) });
    expect(await imds.get('meta-data/spot/instance-action')).toMatchObject({ status: 404 });
    expect(state.requests).toEqual([
      'PUT /latest/api/token',
      'GET /latest/meta-data/instance-id',
      'GET /latest/meta-data/spot/instance-action',
    ]);
    expect(state.connections.size).toBe(1);
    imds.close();
  });

  test('is asked for another token before one ends', async () => {
    const { server, state, clock, imds } = await strictImds();
    await using _ = server;
    await imds.get('meta-data/instance-id');
    await clock.advance(SIX_HOURS_MS - 61_000);
    await imds.get('meta-data/instance-id');
    expect(state.tokens).toBe(1);
    await clock.advance(2000);
    await imds.get('meta-data/instance-id');
    expect(state.tokens).toBe(2);
    imds.close();
  });

  test('is asked for another token once where it forgot the first', async () => {
    const { server, state, imds } = await strictImds();
    await using _ = server;
    await imds.get('meta-data/instance-id');
    state.tokens++;
    expect(await imds.get('meta-data/instance-id')).toMatchObject({ status: 200, body: 'i-1' });
    expect(state.tokens).toBe(3);
    imds.close();
  });

  test('that gives no token is unreachable, with the status of its refusal', async () => {
    const { server, state, imds } = await strictImds();
    await using _ = server;
    state.tokenStatus = 403;
    await expect(imds.get('meta-data/instance-id')).rejects.toMatchObject({
      code: 'cloud-unreachable',
      details: { status: 403 },
    });
    imds.close();
  });

  test('that lets its answer trickle is unreachable when the time is over', async () => {
    await using server = await loopbackServer((_request, response) => {
      const timer = setInterval(() => response.write('.'), 20);
      response.on('close', () => clearInterval(timer));
    });
    const imds = createImds({ endpoint: server.endpoint, clock: new FakeClock(), timeoutMs: 150 });
    await expect(imds.get('meta-data/instance-id')).rejects.toMatchObject({
      code: 'cloud-unreachable',
      cause: { message: expect.stringContaining('within 150 ms') },
    });
    imds.close();
  });
});
