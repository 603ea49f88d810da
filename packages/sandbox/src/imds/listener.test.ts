import { once } from 'node:events';
import { createServer, get, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, test } from 'vitest';
import { launchData, modelRegion } from '../model/testing/model-region.ts';
import type { ModelRegion } from '../model/testing/model-region.ts';
import type { LaunchData } from '../model/ec2/launch-data.ts';
import type { Delays } from '../model/ec2/settings.ts';
import { createMetadataServices, type MetadataServices } from './metadata-services.ts';

interface Imds extends AsyncDisposable {
  readonly region: ModelRegion;
  readonly metadata: MetadataServices;
  readonly instanceId: string;
  readonly instance: Awaited<ReturnType<ModelRegion['runInstance']>>;
  request(path: string, options?: RequestInit): Promise<Response>;
  /** The status of a GET with any headers, those too that fetch doesn't let anybody set. */
  statusOf(path: string, headers: OutgoingHttpHeaders): Promise<number | undefined>;
  /** Resolves when the next request has come to the service. */
  arrival(): Promise<unknown>;
  token(ttl?: string): Promise<string>;
  /** With a good token. */
  get(path: string): Promise<{ status: number; body: string }>;
}

async function imds(data: LaunchData = {}, settings: Partial<Delays> = {}, tokenless?: RegExp): Promise<Imds> {
  const region = await modelRegion({ settings });
  const instance = await region.runInstance({ ...launchData, market: 'spot', ...data });
  const metadata = createMetadataServices(region.compute, tokenless);
  const server = createServer(metadata.listenerFor(instance.id));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const request = (path: string, options: RequestInit = {}) => fetch(origin + path, options);
  const token = async (ttl = '21600') => {
    const headers = { 'X-aws-ec2-metadata-token-ttl-seconds': ttl };
    return (await request('/latest/api/token', { method: 'PUT', headers })).text();
  };
  return {
    region,
    metadata,
    instance,
    instanceId: instance.id,
    request,
    statusOf: async (path, headers) => {
      const [answer] = (await once(get(origin + path, { headers }), 'response')) as [IncomingMessage];
      answer.resume();
      return answer.statusCode;
    },
    arrival: () => once(server, 'request'),
    token,
    get: async (path) => {
      const response = await request(path, { headers: { 'X-aws-ec2-metadata-token': await token() } });
      return { status: response.status, body: await response.text() };
    },
    [Symbol.asyncDispose]: async () => {
      metadata.close();
      await region[Symbol.asyncDispose]();
      server.closeAllConnections();
      server.close();
    },
  };
}

test('only the programs that a level names do without a token, and a bad one is refused to them too', async () => {
  await using service = await imds({}, {}, /^Cloud-Init\//);
  const path = '/latest/meta-data/instance-id';
  const agents = ['Cloud-Init/22.4.2', 'curl/8', 'my Cloud-Init/1', ''];
  const statuses = agents.map((agent) => service.statusOf(path, { 'user-agent': agent }));
  expect(await Promise.all(statuses)).toEqual([200, 401, 401, 401]);
  const bad = { 'user-agent': 'Cloud-Init/22.4.2', 'x-aws-ec2-metadata-token': 'none' };
  expect(await service.statusOf(path, bad)).toBe(401);
});

test('to an instance whose clock is an hour ahead, every date is an hour behind', async () => {
  await using service = await imds({}, { clockOffsetMs: 3_600_000 });
  service.region.compute.interrupt(service.instanceId);
  const headers = { 'X-aws-ec2-metadata-token': await service.token() };
  const answer = await service.request('/latest/meta-data/spot/instance-action', { headers });
  const { time } = (await answer.json()) as { time: string };
  const shownMs = Date.parse(answer.headers.get('date') ?? '');
  const nowMs = service.region.compute.clock.nowMs();
  expect(Math.abs(nowMs - 3_600_000 - shownMs)).toBeLessThan(60_000);
  expect(Date.parse(time) - shownMs).toBeGreaterThan(0);
  expect(Date.parse(time) - shownMs).toBeLessThanOrEqual(121_000);
});

test.each([
  ['a name that a page has pointed here', { host: 'rebound.example' }],
  ['another port of another name', { host: 'localhost.example:80' }],
  ['a page that names itself', { origin: 'https://page.example' }],
])('refuses %s, even with a good token', async (_, own) => {
  await using service = await imds();
  const token = await service.token();
  const asked = (path: string, more: OutgoingHttpHeaders) =>
    service.statusOf(path, { 'x-aws-ec2-metadata-token': token, ...more });
  expect(await asked('/latest/meta-data/instance-id', {})).toBe(200);
  expect(await asked('/latest/meta-data/instance-id', own)).toBe(403);
  expect(await asked('/latest/meta-data/instance-id', { host: '169.254.169.254' })).toBe(200);
});

describe('the token', () => {
  test.each(['0', '21601', 'abc', '-1'])('with a time to live of %s is refused', async (ttl) => {
    await using service = await imds();
    const headers = { 'X-aws-ec2-metadata-token-ttl-seconds': ttl };
    expect((await service.request('/latest/api/token', { method: 'PUT', headers })).status).toBe(400);
  });

  test('is refused without a time to live, to forwarded requests, and to GET', async () => {
    await using service = await imds();
    const headers = { 'X-aws-ec2-metadata-token-ttl-seconds': '60' };
    expect((await service.request('/latest/api/token', { method: 'PUT' })).status).toBe(400);
    const forwarded = { ...headers, 'X-Forwarded-For': '10.0.0.1' };
    expect((await service.request('/latest/api/token', { method: 'PUT', headers: forwarded })).status).toBe(403);
    expect((await service.request('/latest/api/token', { headers })).status).toBe(405);
  });

  test('is good until it expires, and on its own instance only', async () => {
    await using service = await imds();
    await using other = await imds();
    const response = await service.request('/latest/api/token', {
      method: 'PUT',
      headers: { 'X-aws-ec2-metadata-token-ttl-seconds': '60' },
    });
    expect(response.headers.get('x-aws-ec2-metadata-token-ttl-seconds')).toBe('60');
    const headers = { 'X-aws-ec2-metadata-token': await response.text() };
    const read = async (from: Imds) => (await from.request('/latest/meta-data/instance-id', { headers })).status;
    expect([await read(service), await read(other)]).toEqual([200, 401]);
    await service.region.clock.advance(60_000);
    expect(await read(service)).toBe(401);
  });

  test('is needed where HttpTokens is required, and not where it is optional', async () => {
    await using strict = await imds();
    await using lax = await imds({ metadata: { httpTokens: 'optional' } });
    expect((await strict.request('/latest/meta-data/')).status).toBe(401);
    expect((await lax.request('/latest/meta-data/')).status).toBe(200);
    const wrong = { 'X-aws-ec2-metadata-token': 'wrong' };
    expect((await lax.request('/latest/meta-data/', { headers: wrong })).status).toBe(401);
  });

  test('is not given out by a disabled endpoint', async () => {
    await using service = await imds({ metadata: { httpEndpoint: 'disabled' } });
    const headers = { 'X-aws-ec2-metadata-token-ttl-seconds': '60' };
    expect((await service.request('/latest/api/token', { method: 'PUT', headers })).status).toBe(403);
  });
});

describe('the metadata', () => {
  test('tell who and where the instance is', async () => {
    await using service = await imds({ zoneName: 'us-east-1b' });
    const { instance } = service;
    const read = async (path: string) => (await service.get(`/latest/meta-data/${path}`)).body;
    expect(await read('instance-id')).toBe(instance.id);
    expect(await read('instance-type')).toBe('c7i.large');
    expect(await read('instance-life-cycle')).toBe('spot');
    expect(await read('placement/availability-zone')).toBe('us-east-1b');
    expect(await read('placement/availability-zone-id')).toBe('use1-az6');
    expect(await read('placement/region')).toBe('us-east-1');
    expect(await read('local-ipv4')).toBe('10.77.0.11');
    expect(await read('local-hostname')).toBe('ip-10-77-0-11.ec2.internal');
    expect(await read('mac')).toBe(instance.macAddress);
    const document = JSON.parse((await service.get('/latest/dynamic/instance-identity/document')).body) as object;
    expect(document).toMatchObject({
      instanceId: instance.id,
      region: 'us-east-1',
      availabilityZone: 'us-east-1b',
      accountId: '123456789012',
      architecture: 'x86_64',
    });
  });

  test('list folders, with and without a slash at the end', async () => {
    await using service = await imds({ userData: Buffer.from('#!/bin/sh\n').toString('base64') });
    const lines = async (path: string) => (await service.get(path)).body.split('\n');
    expect(await lines('/latest')).toEqual(['dynamic', 'meta-data', 'user-data']);
    expect(await lines('/latest/meta-data/')).toEqual(
      expect.arrayContaining(['ami-id', 'iam/', 'placement/', 'events/']),
    );
    expect(await lines('/latest/meta-data/placement')).toEqual(['availability-zone', 'availability-zone-id', 'region']);
    expect(await lines('/latest/meta-data/iam/security-credentials/')).toEqual(['runctl-instance']);
    expect(await lines('/')).toContain('latest');
    expect(await lines('/2021-03-23/meta-data/instance-id')).toEqual([service.instanceId]);
  });

  test('answer 404 for what is not there, 405 for writing, and nothing but headers for HEAD', async () => {
    await using service = await imds();
    expect((await service.get('/latest/meta-data/nothing')).status).toBe(404);
    expect((await service.get('/latest/user-data')).status).toBe(404);
    expect((await service.get('/latest/meta-data/public-keys/')).status).toBe(404);
    const headers = { 'X-aws-ec2-metadata-token': await service.token() };
    expect((await service.request('/latest/meta-data/mac', { method: 'POST', headers })).status).toBe(405);
    const head = await service.request('/latest/meta-data/mac', { method: 'HEAD', headers });
    expect([head.status, await head.text(), head.headers.get('content-length')]).toEqual([200, '', '17']);
  });

  test('give user data back byte for byte', async () => {
    const raw = Buffer.from([0x1f, 0x8b, 0, 255, 10, 13]);
    await using service = await imds({ userData: raw.toString('base64') });
    const headers = { 'X-aws-ec2-metadata-token': await service.token() };
    const response = await service.request('/latest/user-data', { headers });
    expect(Buffer.from(await response.arrayBuffer())).toEqual(raw);
  });

  test('carry the date of the region on every answer', async () => {
    await using service = await imds();
    await service.region.clock.advance(3_600_000);
    const expected = new Date(service.region.clock.wallMs()).toUTCString();
    for (const path of ['/latest/meta-data/', '/latest/api/token'])
      expect((await service.request(path)).headers.get('date')).toBe(expected);
  });

  test('show tags live, if the instance was launched so', async () => {
    const tags = new Map([['instance', new Map([['runctl:run', 'r-1']])]]);
    await using service = await imds({ tags });
    await using hidden = await imds({ tags, metadata: { instanceMetadataTags: 'disabled' } });
    expect(await service.get('/latest/meta-data/tags/instance/runctl:run')).toEqual({ status: 200, body: 'r-1' });
    service.instance.tags.set('Name', 'new');
    expect((await service.get('/latest/meta-data/tags/instance')).body).toBe('Name\nrunctl:run');
    expect((await hidden.get('/latest/meta-data/tags/instance')).status).toBe(404);
  });
});

describe('an interruption', () => {
  const action = '/latest/meta-data/spot/instance-action';

  test('is 404 until its notice, and then says when', async () => {
    await using service = await imds();
    expect((await service.get(action)).status).toBe(404);
    expect((await service.get('/latest/meta-data/spot/termination-time')).status).toBe(404);
    expect((await service.get('/latest/meta-data/events/recommendations/rebalance')).status).toBe(404);
    service.region.compute.interrupt(service.instanceId, { rebalance: true });
    expect(JSON.parse((await service.get(action)).body)).toEqual({ action: 'terminate', time: '2026-01-01T00:02:00Z' });
    expect((await service.get('/latest/meta-data/spot/termination-time')).body).toBe('2026-01-01T00:02:00Z');
    const recommended = await service.get('/latest/meta-data/events/recommendations/rebalance');
    expect(JSON.parse(recommended.body)).toEqual({ noticeTime: '2026-01-01T00:00:00Z' });
  });

  test('by the user is not announced', async () => {
    await using service = await imds();
    service.region.driver.script.obeysPowerButton = false;
    service.region.compute.terminate(service.instance);
    expect((await service.get(action)).status).toBe(404);
  });

  test('keeps its past time when the instance survives', async () => {
    await using service = await imds();
    service.region.compute.interrupt(service.instanceId, { survives: true });
    await service.region.clock.advance(300_000);
    expect((await service.get('/latest/meta-data/spot/termination-time')).body).toBe('2026-01-01T00:02:00Z');
  });

  test('for maintenance is an empty list until an event is scheduled', async () => {
    await using service = await imds();
    const scheduled = '/latest/meta-data/events/maintenance/scheduled';
    expect((await service.get(scheduled)).body).toBe('[]');
    const event = {
      Code: 'instance-retirement',
      Description: 'The instance is running on degraded hardware',
      EventId: 'instance-event-0d59937288b749b32',
      NotBefore: '21 Jan 2026 09:00:43 GMT',
      NotAfter: '21 Jan 2026 09:17:23 GMT',
      State: 'active',
    };
    service.instance.maintenance = [event];
    expect(JSON.parse((await service.get(scheduled)).body)).toEqual([event]);
  });
});

describe('role credentials', () => {
  const path = '/latest/meta-data/iam/security-credentials/runctl-instance';
  const read = async (service: Imds) => JSON.parse((await service.get(path)).body) as Record<string, string>;

  test('are known to the region as a session of the instance', async () => {
    await using service = await imds();
    const keys = await read(service);
    expect(keys).toMatchObject({ Code: 'Success', Type: 'AWS-HMAC', Expiration: '2026-01-01T06:00:00Z' });
    expect(service.region.compute.credentials.find(keys['AccessKeyId'] ?? '')).toMatchObject({
      secretAccessKey: keys['SecretAccessKey'],
      sessionToken: keys['Token'],
      expiresAtMs: Date.UTC(2026, 0, 1, 6),
      principal: {
        kind: 'role',
        instanceId: service.instanceId,
        arn: `arn:aws:sts::123456789012:assumed-role/runctl-instance/${service.instanceId}`,
      },
    });
  });

  test('stay the same until five minutes before they expire; the old ones are good until then', async () => {
    await using service = await imds();
    const first = await read(service);
    await service.region.clock.advance(5 * 3_600_000);
    expect(await read(service)).toEqual(first);
    await service.region.clock.advance(55 * 60_000 + 1);
    const second = await read(service);
    expect(second['AccessKeyId']).not.toBe(first['AccessKeyId']);
    expect(service.region.compute.credentials.find(first['AccessKeyId'] ?? '')).toBeDefined();
  });

  test('are missing without a profile, and in the first moments when that is set', async () => {
    await using late = await imds({}, { credentialsDelayMs: 3000 });
    expect((await late.get(path)).status).toBe(404);
    await late.region.clock.advance(3000);
    expect((await late.get(path)).status).toBe(200);
    const { profileName: _profile, ...without } = launchData;
    const region = await modelRegion();
    const instance = await region.runInstance(without);
    expect(instance.spec.profileName).toBeNull();
    await region[Symbol.asyncDispose]();
  });
});

describe('planned faults', () => {
  test('answer with a status as often as asked, for matching paths only', async () => {
    await using service = await imds();
    const fault = { kind: 'status', status: 503, times: 2, path: 'spot/' } as const;
    service.metadata.misbehave(service.instanceId, fault);
    expect((await service.get('/latest/meta-data/mac')).status).toBe(200);
    const statuses = [];
    for (let nth = 0; nth < 3; nth++)
      statuses.push((await service.get('/latest/meta-data/spot/instance-action')).status);
    expect(statuses).toEqual([503, 503, 404]);
  });

  test('forget tokens', async () => {
    await using service = await imds();
    const headers = { 'X-aws-ec2-metadata-token': await service.token() };
    service.metadata.misbehave(service.instanceId, { kind: 'expire-tokens' });
    expect((await service.request('/latest/meta-data/mac', { headers })).status).toBe(401);
    expect((await service.get('/latest/meta-data/mac')).status).toBe(200);
  });

  test('hang until the client gives up', async () => {
    await using service = await imds();
    service.metadata.misbehave(service.instanceId, { kind: 'hang' });
    const patience = new AbortController();
    const arrived = service.arrival();
    const asked = service.request('/latest/meta-data/mac', { signal: patience.signal });
    await arrived;
    expect(await Promise.race([asked, new Promise((resolve) => setTimeout(resolve, 50, 'no answer'))])).toBe(
      'no answer',
    );
    patience.abort();
    await expect(asked).rejects.toThrow();
    expect((await service.get('/latest/meta-data/mac')).status).toBe(200);
  });
});

test('the service of an instance that is long gone knows nothing', async () => {
  await using service = await imds();
  service.region.compute.terminate(service.instance);
  await service.region.settle(() => service.instance.state === 'terminated');
  await service.region.clock.advance(4_000_000);
  expect((await service.request('/latest/meta-data/')).status).toBe(404);
});
