import { messageOf } from '@runctl/core';
import { describe, expect, test } from 'vitest';
import { loopbackServer } from './testing/loopback-server.ts';
import { elementText, QueryClient, type QueryClientOptions } from './query-client.ts';

const NOW_MS = Date.UTC(2026, 0, 1);

function clientOf(endpoint: string, more: Partial<QueryClientOptions> = {}): QueryClient {
  return new QueryClient({
    service: 'ec2',
    version: '2016-11-15',
    region: 'us-east-1',
    endpoint,
    credentials: async () => ({ accessKeyId: 'AKIA', secretAccessKey: 'secret', sessionToken: 'token' }),
    clock: { wallMs: () => NOW_MS },
    ...more,
  });
}

const call = { action: 'DescribeThings', parameters: { 'ThingId.1': 'a b&c' } };

/** Answers as scripted, by its own clock, and keeps what it was sent. */
async function scripted(script: readonly { readonly status: number; readonly xml?: string }[], offMs = 0) {
  const sent: { readonly headers: NodeJS.Dict<string | string[]>; readonly form: string }[] = [];
  const server = await loopbackServer((request, response) => {
    let form = '';
    request.on('data', (chunk: Buffer) => (form += chunk.toString()));
    request.on('end', () => {
      const { status, xml = '' } = script[sent.push({ headers: request.headers, form }) - 1] ?? { status: 500 };
      response.writeHead(status, { date: new Date(NOW_MS + offMs).toUTCString() }).end(xml);
    });
  });
  return { ...server, sent };
}

const error = (code: string): string => `<Response><Errors><Error><Code>${code}</Code></Error></Errors></Response>`;

describe('a query call', () => {
  test('sends a signed form and gives the answer with its error', async () => {
    await using server = await scripted([
      { status: 200, xml: '<Things/>' },
      { status: 400, xml: error('NoSuchThing') },
    ]);
    const client = clientOf(server.endpoint);
    expect(await client.call(call)).toEqual({ status: 200, xml: '<Things/>', errorCode: null });
    expect(await client.call(call)).toMatchObject({ status: 400, errorCode: 'NoSuchThing' });
    expect(server.sent).toHaveLength(2);
    const [{ headers, form } = { headers: {}, form: '' }] = server.sent;
    expect(form).toBe('Action=DescribeThings&ThingId.1=a+b%26c&Version=2016-11-15');
    expect(headers).toMatchObject({
      'content-type': 'application/x-www-form-urlencoded; charset=utf-8',
      'x-amz-date': '20260101T000000Z',
      'x-amz-security-token': 'token',
      authorization: expect.stringMatching(
        /^AWS4-HMAC-SHA256 Credential=AKIA\/20260101\/us-east-1\/ec2\/aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, /,
      ),
    });
  });

  test.each([3_600_000, -3_600_000])(
    'that is refused by a service whose clock is %d ms off is asked again once by that clock, which is kept',
    async (offMs) => {
      const refusal = { status: 400, xml: error('RequestExpired') };
      await using server = await scripted([refusal, { status: 200 }, { status: 200 }, refusal, refusal], offMs);
      const client = clientOf(server.endpoint);
      expect(await client.call(call)).toMatchObject({ status: 200 });
      expect(await client.call(call)).toMatchObject({ status: 200 });
      expect(await client.call(call)).toMatchObject({ status: 400, errorCode: 'RequestExpired' });
      const times = server.sent.map(({ headers }) => headers['x-amz-date']);
      const corrected = new Date(NOW_MS + offMs).toISOString().replace(/[-:]|\.000/g, '');
      expect(times).toEqual(['20260101T000000Z', corrected, corrected, corrected]);
    },
  );

  test('that is refused for anything else is not repeated', async () => {
    await using server = await scripted(
      [{ status: 403, xml: error('UnauthorizedOperation') }, { status: 503 }],
      60_000,
    );
    const client = clientOf(server.endpoint);
    expect(await client.call(call)).toMatchObject({ status: 403, errorCode: 'UnauthorizedOperation' });
    expect(await client.call(call)).toMatchObject({ status: 503, errorCode: null });
    expect(server.sent).toHaveLength(2);
  });

  test('fails when the answer does not end in time, though bytes still come', async () => {
    await using server = await loopbackServer((_request, response) => {
      const timer = setInterval(() => response.write('.'), 20);
      response.on('close', () => clearInterval(timer));
    });
    const error: unknown = await clientOf(server.endpoint, { timeoutMs: 150 })
      .call(call)
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'cloud-unreachable' });
    expect(messageOf(error)).toBe(`EC2 does not answer: no answer from ${server.endpoint}/ within 150 ms`);
  });

  test('fails where nobody listens, and says where', async () => {
    await expect(clientOf('http://127.0.0.1:9').call(call)).rejects.toMatchObject({
      code: 'cloud-unreachable',
      hint: 'this machine has to reach http://127.0.0.1:9/',
    });
  });
});

test("an element's text is what stands between its tags", () => {
  expect(elementText('<a><b>1</b><b>2</b></a>', 'a')).toBe('<b>1</b><b>2</b>');
  expect(elementText('<a><b>1</b><b>2</b></a>', 'b')).toBe('1');
  expect(elementText('<a><b>1</a>', 'b')).toBeNull();
  expect(elementText('<a/>', 'a')).toBeNull();
});
