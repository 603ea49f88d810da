import * as S3 from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { SignatureV4 } from '@smithy/signature-v4';
import { once } from 'node:events';
import { Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { createHash, createHmac, type BinaryLike, type Hash, type Hmac } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failureOf, role, S3Server, user } from './s3-server.ts';

describe('who may ask', () => {
  const Bucket = 'identity';
  let server: S3Server;
  let client: S3.S3Client;

  beforeAll(async () => {
    server = await S3Server.start();
    client = server.client();
    await client.send(new S3.CreateBucketCommand({ Bucket }));
    await client.send(new S3.PutObjectCommand({ Bucket, Key: 'k', Body: 'v' }));
  });
  afterAll(() => server.close());

  const head = (by: S3.S3Client) => by.send(new S3.GetObjectCommand({ Bucket, Key: 'k' }));
  const as = (credentials: object) => server.client({ credentials: { ...role, ...credentials } });

  it('takes a role session with its token, in headers and in presigned URLs', async () => {
    const session = server.client({ credentials: role });
    await head(session);
    const url = await getSignedUrl(session, new S3.GetObjectCommand({ Bucket, Key: 'k' }));
    expect((await fetch(url)).status).toBe(200);
  });

  it('refuses a wrong token, a missing token, a token where none belongs and an unknown key', async () => {
    expect(await failureOf(head(as({ sessionToken: 'wrong' })))).toEqual({ name: 'InvalidToken', status: 400 });
    const untokened = server.client({ credentials: { ...role, sessionToken: undefined as never } });
    expect(await failureOf(head(untokened))).toEqual({ name: 'InvalidAccessKeyId', status: 403 });
    expect(await failureOf(head(as(user)))).toEqual({ name: 'InvalidToken', status: 400 });
    const unknown = as({ accessKeyId: 'ASIAUNKNOWN' });
    expect(await failureOf(head(unknown))).toEqual({ name: 'InvalidAccessKeyId', status: 403 });
  });

  it('refuses a client whose clock is more than 15 minutes off', async () => {
    const late = server.client({ systemClockOffset: -16 * 60_000 });
    expect(await failureOf(head(late))).toEqual({ name: 'RequestTimeTooSkewed', status: 403 });
    await head(server.client({ systemClockOffset: 14 * 60_000 }));
  });

  it('tells a client with a wrong clock the right time, so that its retry succeeds', async () => {
    server.clock.advance(3_600_000);
    const outcome = await head(server.client({ maxAttempts: 2 })).then(
      ({ $metadata }) => $metadata.attempts,
      (error: unknown) => error,
    );
    server.clock.advance(-3_600_000);
    expect(outcome).toBe(2);
  });

  it('refuses an expired session with ExpiredToken', async () => {
    server.clock.advance(3_700_000);
    const later = server.client({ credentials: role, systemClockOffset: 3_700_000 });
    const refusal = await failureOf(head(later));
    server.clock.advance(-3_700_000);
    expect(refusal).toEqual({ name: 'ExpiredToken', status: 400 });
  });

  it('refuses headers of S3 that the signature does not cover', async () => {
    const url = await getSignedUrl(client, new S3.PutObjectCommand({ Bucket, Key: 'covered' }));
    const answer = await fetch(url, { method: 'PUT', body: 'x', headers: { 'x-amz-meta-sneaked': 'in' } });
    expect(answer.status).toBe(403);
    expect(await answer.text()).toContain('There were headers present in the request which were not signed');
  });

  describe('chunk by chunk', () => {
    interface Answer {
      readonly status: number | undefined;
      readonly text: string;
      readonly onKnownConnection: boolean;
    }
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    afterAll(() => agent.destroy());

    /** A PUT whose chunks are signed one after the other, with or without a signed trailer, as the AWS CLI's CRT client does it. */
    async function signedChunks(options: { trailer: boolean; tamper?: 'chunk' | 'trailer' }): Promise<Answer> {
      const chunks = [Buffer.alloc(65_536, 'a'), Buffer.alloc(4 << 20, 'b'), Buffer.alloc(1000, 'c')];
      const total = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
      const url = new URL(`${server.endpoint}/${Bucket}/chunked`);
      const kind = `STREAMING-AWS4-HMAC-SHA256-PAYLOAD${options.trailer ? '-TRAILER' : ''}`;
      const signer = new SignatureV4({
        service: 's3',
        region: 'us-east-1',
        credentials: user,
        uriEscapePath: false,
        sha256: NodeSha256,
      });
      const signed = await signer.sign({
        method: 'PUT',
        protocol: 'http:',
        hostname: url.hostname,
        port: Number(url.port),
        path: url.pathname,
        query: {},
        headers: {
          host: url.host,
          'content-encoding': 'aws-chunked',
          'x-amz-content-sha256': kind,
          'x-amz-decoded-content-length': String(total),
          ...(options.trailer && { 'x-amz-trailer': 'x-amz-checksum-sha256' }),
        },
      });
      const { authorization, ...headers } = signed.headers as Record<string, string>;
      const body = frame(chunks, { authorization: authorization!, timestamp: headers['x-amz-date']!, ...options });
      const request = httpRequest(url, {
        method: 'PUT',
        agent,
        headers: { ...headers, authorization: authorization! },
      });
      request.end(body);
      const [response] = (await once(request, 'response')) as [IncomingMessage];
      return { status: response.statusCode, text: await text(response), onKnownConnection: request.reusedSocket };
    }

    const sha256 = (data: BinaryLike) => createHash('sha256').update(data).digest('hex');
    const hmac = (key: BinaryLike, data: string) => createHmac('sha256', key).update(data).digest();

    function frame(
      chunks: Buffer[],
      how: { authorization: string; timestamp: string; trailer: boolean; tamper?: 'chunk' | 'trailer' },
    ): Buffer {
      const date = how.timestamp.slice(0, 8);
      const scope = `${date}/us-east-1/s3/aws4_request`;
      const key = scope.split('/').reduce<BinaryLike>((last, part) => hmac(last, part), `AWS4${user.secretAccessKey}`);
      let previous = /Signature=([0-9a-f]+)/.exec(how.authorization)![1]!;
      const next = (label: string, ...hashes: string[]) => {
        previous = hmac(key, [label, how.timestamp, scope, previous, ...hashes].join('\n')).toString('hex');
        return previous;
      };
      const pieces: Buffer[] = [];
      for (const chunk of [...chunks, Buffer.alloc(0)]) {
        const signature = next('AWS4-HMAC-SHA256-PAYLOAD', sha256(''), sha256(chunk));
        const sent = how.tamper === 'chunk' && chunk === chunks[0] ? Buffer.alloc(chunk.length, 'x') : chunk;
        pieces.push(Buffer.from(`${chunk.length.toString(16)};chunk-signature=${signature}\r\n`));
        if (chunk.length > 0) pieces.push(sent, Buffer.from('\r\n'));
      }
      if (how.trailer) {
        const sum = createHash('sha256').update(Buffer.concat(chunks)).digest('base64');
        const line = `x-amz-checksum-sha256:${sum}`;
        const signature = next('AWS4-HMAC-SHA256-TRAILER', sha256(`${line}\n`));
        const sent = how.tamper === 'trailer' ? signature.replace(/^./, (one) => (one === '0' ? '1' : '0')) : signature;
        pieces.push(Buffer.from(`${line}\r\nx-amz-trailer-signature:${sent}\r\n`));
      }
      return Buffer.concat([...pieces, Buffer.from('\r\n')]);
    }

    it('takes chunks whose signatures are right', async () => {
      for (const trailer of [false, true]) {
        expect(await signedChunks({ trailer })).toMatchObject({ status: 200, text: '' });
        const stored = await client.send(new S3.HeadObjectCommand({ Bucket, Key: 'chunked' }));
        expect(stored.ContentLength).toBe(65_536 + (4 << 20) + 1000);
        expect(stored.ContentEncoding).toBeUndefined();
      }
    });

    it('refuses a chunk and a trailer that were changed, and serves the connection on', async () => {
      for (const tamper of ['chunk', 'trailer'] as const) {
        const text = expect.stringContaining('SignatureDoesNotMatch') as string;
        expect(await signedChunks({ trailer: true, tamper })).toMatchObject({ status: 403, text });
      }
      expect(await signedChunks({ trailer: true })).toMatchObject({ status: 200, onKnownConnection: true });
    });
  });
});

/** The hash that @smithy/signature-v4 asks for, by node:crypto. */
class NodeSha256 {
  readonly #hash: Hash | Hmac;
  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#hash = secret === undefined ? createHash('sha256') : createHmac('sha256', secret as string | Uint8Array);
  }
  update(data: Uint8Array): void {
    this.#hash.update(data);
  }
  digest(): Promise<Uint8Array> {
    return Promise.resolve(this.#hash.digest());
  }
  reset(): void {
    throw new Error('the signer never resets');
  }
}
