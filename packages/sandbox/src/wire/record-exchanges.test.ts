import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { silentLog } from '@runctl/core';
import { temporaryFolder } from '@runctl/testkit';
import { expect, test } from 'vitest';
import { exchangesInto, recordExchanges, type RecordedExchange } from './record-exchanges.ts';

const credential = 'AWS4-HMAC-SHA256 Credential=AKIAX/20261130/us-east-1/ec2/aws4_request, Signature=abc';

/** Asks a recorded server once; what the client got, and what was recorded. */
async function recordedFetch(listener: RequestListener, path: string, request: RequestInit = {}) {
  const { promise, resolve } = Promise.withResolvers<RecordedExchange>();
  const server = createServer(recordExchanges(listener, resolve));
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  try {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`;
    const got = await fetch(url, request).then(
      async (answer) => ({ status: answer.status, headers: answer.headers, body: await answer.text() }),
      () => null,
    );
    return { got, recorded: await promise };
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

/** Answers with what it was asked, in two pieces. */
const echo: RequestListener = (request, response) => {
  const answer = async () => {
    const body = await buffer(request);
    response.writeHead(201, { 'X-Amz-Thing': 'a' });
    response.write('<a>');
    response.end(`${body.toString()}</a>`);
  };
  answer().catch((error: unknown) => response.destroy(error as Error));
};

test('a call and its answer pass as they are, and stand in the record', async () => {
  const { got, recorded } = await recordedFetch(echo, '/?a=1', {
    method: 'POST',
    headers: { authorization: credential, 'x-amz-target': 't' },
    body: 'Action=Any',
  });
  expect(got).toMatchObject({ status: 201, body: '<a>Action=Any</a>' });
  expect(got?.headers.get('x-amz-thing')).toBe('a');
  expect(got?.headers.get('x-recorded')).toBeNull();
  expect(recorded).toMatchObject({
    service: 'ec2',
    method: 'POST',
    url: '/?a=1',
    headers: { 'x-amz-target': 't' },
    body: 'Action=Any',
    answer: { status: 201, headers: { 'x-amz-thing': 'a' }, body: '<a>Action=Any</a>' },
  });
});

test('no key, token or signature is recorded, from headers or from a link', async () => {
  const link = '/b/k?X-Amz-Credential=AKIAX%2F1&X-Amz-Security-Token=secret&X-Amz-Signature=abc&versionId=3';
  const { recorded } = await recordedFetch(echo, link, {
    headers: { authorization: credential, 'x-amz-security-token': 'secret' },
  });
  expect(JSON.stringify(recorded)).not.toMatch(/AKIAX|secret|abc/);
  expect(recorded.url).toContain('versionId=3');
});

test('of objects only XML is recorded, and nothing that is over a mebibyte', async () => {
  const bytes = await recordedFetch(echo, '/b/k', { method: 'PUT', body: 'weights' });
  expect(bytes.recorded).toMatchObject({ service: 's3', body: null, answer: { body: '<a>weights</a>' } });
  const large = await recordedFetch(echo, '/b/k', { method: 'PUT', body: `<x>${'y'.repeat(1024 * 1024)}</x>` });
  expect(large.got?.body).toHaveLength(1024 * 1024 + 14);
  expect(large.recorded).toMatchObject({ body: null, answer: { body: null } });
});

test('an answer that broke off is none', async () => {
  const { got, recorded } = await recordedFetch((_, response) => {
    response.write('half');
    response.destroy();
  }, '/b/k');
  expect(got).toBeNull();
  expect(recorded.answer).toBeNull();
});

test('the file is its owner’s alone, is added to, and a full disk ends the record, not the region', async () => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, 'calls');
  const exchange: RecordedExchange = { service: 's3', method: 'GET', url: '/', headers: {}, body: null, answer: null };
  exchangesInto(file, silentLog)(exchange);
  exchangesInto(file, silentLog)(exchange);
  expect((await readFile(file, 'utf8')).trim().split('\n')).toHaveLength(2);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect(() => exchangesInto(join(folder.path, 'no/such'), silentLog)).toThrow(/ENOENT/);
});

test('what cannot be written any more is reported once', (context) => {
  if (process.platform !== 'linux') {
    context.skip('/dev/full is of Linux');
    return;
  }
  const errors: string[] = [];
  const record = exchangesInto('/dev/full', { ...silentLog, error: (_, message) => errors.push(message) });
  const exchange: RecordedExchange = { service: 's3', method: 'GET', url: '/', headers: {}, body: null, answer: null };
  record(exchange);
  record(exchange);
  expect(errors).toEqual(['sandbox: the record of calls ends here']);
});
