import { randomBytes } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { BlobReader } from '../../model/s3/blobs.ts';
import { httpDate, type S3Reply } from './call/call.ts';
import type { S3Refusal } from './call/refusal.ts';
import { paced } from './call/pacing.ts';
import { renderXml } from './call/xml.ts';

/** Up to this size an answer is sent in one piece. */
const SMALL_BYTES = 64 * 1024;

export interface Envelope {
  readonly response: ServerResponse;
  readonly method: string;
  readonly requestId: string;
  readonly nowMs: number;
  readonly bytesPerSecond: number | undefined;
}

export function newRequestId(): string {
  return randomBytes(8).toString('hex').toUpperCase();
}

/** Sends a reply and closes its reader, whatever happens. A client that goes away meanwhile is no error. */
export async function send(envelope: Envelope, reply: S3Reply): Promise<void> {
  const { response, method } = envelope;
  const { body } = reply;
  try {
    writeHead(envelope, reply);
    if (method === 'HEAD' || body === undefined) response.end();
    else if (typeof body === 'string') response.end(body);
    else await sendBlob(envelope, body);
  } catch (error) {
    // The status is gone out already: a broken connection is the only way left to say that the body is not whole.
    response.destroy(error instanceof Error ? error : undefined);
  } finally {
    if (typeof body === 'object') body.close();
  }
}

function writeHead({ response, requestId, nowMs }: Envelope, reply: S3Reply): void {
  response.statusCode = reply.status;
  response.sendDate = false;
  response.setHeader('x-amz-request-id', requestId);
  response.setHeader('x-amz-id-2', Buffer.from(`${requestId}${requestId}`).toString('base64'));
  response.setHeader('date', httpDate(nowMs));
  response.setHeader('server', 'AmazonS3');
  const { body } = reply;
  if (typeof body === 'string') {
    response.setHeader('content-type', 'application/xml');
    response.setHeader('content-length', Buffer.byteLength(body));
  } else if (body !== undefined) response.setHeader('content-length', body.sizeBytes);
  else if (reply.status !== 204 && reply.status !== 304) response.setHeader('content-length', 0);
  for (const [name, value] of Object.entries(reply.headers ?? {}))
    if (value !== undefined) response.setHeader(name, headerText(name, value));
}

/** Metadata beyond ASCII, and other text beyond Latin-1, goes out encoded (RFC 2047; user guide, "Object metadata"). */
function headerText(name: string, value: string | number): string | number {
  if (typeof value === 'number') return value;
  const plain = name.startsWith('x-amz-meta-') ? 'ascii' : 'latin1';
  if (Buffer.from(value, plain).toString(plain) === value) return value;
  return `=?UTF-8?B?${Buffer.from(value).toString('base64')}?=`;
}

async function sendBlob({ response, bytesPerSecond }: Envelope, body: BlobReader): Promise<void> {
  if (bytesPerSecond === undefined && body.sizeBytes <= SMALL_BYTES) {
    const chunks: Buffer[] = [];
    for await (const chunk of body.chunks()) chunks.push(chunk);
    response.end(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks));
    return;
  }
  const chunks = bytesPerSecond === undefined ? body.chunks() : paced(body.chunks(), bytesPerSecond);
  await pipeline(Readable.from(chunks, { highWaterMark: 1 }), response);
}

/** An error as S3 answers it. One with status 200 is the error that some operations put into a success. */
export function errorReply(error: S3Refusal, where: { resource: string; requestId: string; method: string }): S3Reply {
  const { resource, requestId, method } = where;
  // Neither has a body; the code of a HEAD's error is lost, which clients know to expect.
  if (method === 'HEAD' || error.status === 304) return { status: error.status, headers: error.headers };
  return {
    status: error.status,
    headers: error.headers,
    body: renderXml(
      'Error',
      {
        Code: error.code,
        Message: error.message,
        ...error.fields,
        Resource: resource,
        RequestId: requestId,
        HostId: Buffer.from(requestId).toString('base64'),
      },
      { namespace: false },
    ),
  };
}
