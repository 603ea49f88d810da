import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { open } from 'node:fs/promises';
import { BodyDigest, type SinkObject, type SinkState } from './sink-state.ts';

/** Objects up to this size are kept, so that they can be fetched again. */
const KEPT_BYTES = 1024 * 1024;
const CHUNK_BYTES = 1024 * 1024;

interface Request {
  readonly state: SinkState;
  readonly incoming: IncomingMessage;
  readonly response: ServerResponse;
  readonly key: string;
  readonly query: URLSearchParams;
}

interface Received {
  readonly sizeBytes: number;
  readonly crc32: string | null;
  readonly sha256: string | null;
  readonly bytes: Buffer | null;
  readonly crcFits: boolean;
}

/** Answers one S3 request with what an upload or download needs, path style, without looking at signatures. */
export async function answerS3(state: SinkState, incoming: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(incoming.url ?? '/', 'http://sink');
  const key = decodeURIComponent(url.pathname.split('/').slice(2).join('/'));
  const request: Request = { state, incoming, response, key, query: url.searchParams };
  const { query } = request;
  const method = incoming.method ?? 'GET';
  response.setHeader('x-amz-request-id', '0');
  if (state.behaviour.latencyMs > 0) await new Promise((resolve) => setTimeout(resolve, state.behaviour.latencyMs));
  if (method === 'PUT') return answerPut(request);
  if (method === 'POST') return answerPost(request);
  state.count(key === '' ? 'LIST' : method);
  if (method === 'DELETE') {
    state.uploads.delete(query.get('uploadId') ?? '');
    if (!query.has('uploadId')) state.objects.delete(key);
    return void response.writeHead(204).end();
  }
  if (key === '') return query.has('location') ? xml(response, '<LocationConstraint/>') : answerList(request);
  const object = state.objects.get(key);
  if (object === undefined) return refuse(response, 404, method === 'HEAD' ? null : 'NoSuchKey');
  response.setHeader('etag', `"${object.etag}"`);
  response.setHeader('last-modified', new Date(object.completedAtMs).toUTCString());
  response.setHeader('accept-ranges', 'bytes');
  const [only, more] = object.parts;
  if (incoming.headers['x-amz-checksum-mode'] !== undefined && more === undefined && only?.crc32)
    response.setHeader('x-amz-checksum-crc32', only.crc32);
  if (method === 'HEAD') return void response.writeHead(200, { 'content-length': object.sizeBytes }).end();
  return answerGet(request, object);
}

async function answerPut(request: Request): Promise<void> {
  const { state, incoming, response, key, query } = request;
  const uploadId = query.get('uploadId');
  const copiedFrom = incoming.headers['x-amz-copy-source'];
  state.count(copiedFrom === undefined ? (uploadId === null ? 'PUT' : 'PART') : 'COPY');
  if (copiedFrom !== undefined) return answerCopy(request, String(copiedFrom));
  const body = await receive(request);
  if (Math.random() < state.behaviour.failShare) {
    state.failuresInjected++;
    return refuse(response, 503, 'SlowDown');
  }
  if (!body.crcFits) return refuse(response, 400, 'BadDigest');
  const { sizeBytes, crc32, sha256 } = body;
  // rclone compares it with the MD5 of what it sent or fetched.
  const etag = body.bytes === null ? state.id() : createHash('md5').update(body.bytes).digest('hex');
  if (uploadId === null) {
    const part = { partNumber: 1, sizeBytes, crc32, sha256, copied: false };
    const source = body.bytes === null ? null : { bytes: body.bytes };
    state.objects.set(key, { sizeBytes, etag, parts: [part], source, completedAtMs: Date.now() });
  } else {
    const upload = state.uploads.get(uploadId);
    if (upload === undefined) return refuse(response, 404, 'NoSuchUpload');
    const partNumber = Number(query.get('partNumber'));
    upload.parts.set(partNumber, { partNumber, sizeBytes, crc32, sha256, copied: false });
  }
  if (crc32 !== null) response.setHeader('x-amz-checksum-crc32', crc32);
  response.setHeader('etag', `"${etag}"`).end();
}

function answerCopy({ state, incoming, response, key, query }: Request, copiedFrom: string): void {
  const from = decodeURIComponent(copiedFrom).replace(/^\//, '').split('/').slice(1).join('/');
  const object = state.objects.get(from);
  if (object === undefined) return refuse(response, 404, 'NoSuchKey');
  const upload = state.uploads.get(query.get('uploadId') ?? '');
  const etag = state.id();
  const range = /bytes=(\d+)-(\d+)/.exec(String(incoming.headers['x-amz-copy-source-range'] ?? ''));
  const start = Number(range?.[1] ?? 0);
  const sizeBytes = range === null ? object.sizeBytes : Number(range[2]) + 1 - start;
  state.copiedBytes += sizeBytes;
  if (upload === undefined) {
    state.objects.set(key, { ...object, etag, completedAtMs: Date.now() });
    return xml(response, `<CopyObjectResult><ETag>"${etag}"</ETag></CopyObjectResult>`);
  }
  const partNumber = Number(query.get('partNumber'));
  const same = partAt(object, start, sizeBytes);
  upload.parts.set(partNumber, {
    partNumber,
    sizeBytes,
    crc32: same?.crc32 ?? null,
    sha256: same?.sha256 ?? null,
    copied: true,
  });
  const crc32 = same?.crc32 ? `<ChecksumCRC32>${same.crc32}</ChecksumCRC32>` : '';
  xml(response, `<CopyPartResult><ETag>"${etag}"</ETag>${crc32}</CopyPartResult>`);
}

function partAt(object: SinkObject, start: number, sizeBytes: number) {
  let position = 0;
  for (const part of object.parts) {
    if (position === start && part.sizeBytes === sizeBytes) return part;
    position += part.sizeBytes;
  }
  return undefined;
}

async function answerPost(request: Request): Promise<void> {
  const { state, response, key, query } = request;
  const { bytes } = await receive(request);
  if (query.has('delete')) {
    state.count('DELETE');
    for (const [, name] of String(bytes).matchAll(/<Key>([^<]*)<\/Key>/g)) state.objects.delete(name ?? '');
    return xml(response, '<DeleteResult/>');
  }
  if (query.has('uploads')) {
    state.count('CREATE');
    const uploadId = state.id();
    state.uploads.set(uploadId, { key, parts: new Map() });
    return xml(
      response,
      `<InitiateMultipartUploadResult><Bucket>b</Bucket><Key>${key}</Key><UploadId>${uploadId}</UploadId></InitiateMultipartUploadResult>`,
    );
  }
  state.count('COMPLETE');
  const uploadId = query.get('uploadId') ?? '';
  const upload = state.uploads.get(uploadId);
  if (upload === undefined) return refuse(response, 404, 'NoSuchUpload');
  state.uploads.delete(uploadId);
  const parts = [...upload.parts.values()].sort((a, b) => a.partNumber - b.partNumber);
  const sizeBytes = parts.reduce((sum, part) => sum + part.sizeBytes, 0);
  const etag = `${state.id()}-${parts.length}`;
  state.objects.set(key, { sizeBytes, etag, parts, source: null, completedAtMs: Date.now() });
  xml(
    response,
    `<CompleteMultipartUploadResult><Location>l</Location><Bucket>b</Bucket><Key>${key}</Key><ETag>"${etag}"</ETag></CompleteMultipartUploadResult>`,
  );
}

/** Both versions of the listing; the SDKs ask for the second, rclone for the first. */
function answerList({ state, response, query }: Request): void {
  const prefix = query.get('prefix') ?? '';
  if (query.has('uploads'))
    return xml(response, '<ListMultipartUploadsResult><IsTruncated>false</IsTruncated></ListMultipartUploadsResult>');
  const after = query.get('continuation-token') ?? query.get('start-after') ?? query.get('marker') ?? '';
  const names = namesBelow(state, prefix, query.get('delimiter') ?? '').filter((name) => name > after);
  const page = names.slice(0, Number(query.get('max-keys') ?? 1000));
  const last = names.length > page.length ? page.at(-1) : undefined;
  const next =
    last === undefined
      ? '<IsTruncated>false</IsTruncated>'
      : `<IsTruncated>true</IsTruncated><NextMarker>${last}</NextMarker><NextContinuationToken>${last}</NextContinuationToken>`;
  const entries = page.map((name) => entryOf(state, name)).join('');
  xml(
    response,
    `<ListBucketResult><Name>b</Name><Prefix>${prefix}</Prefix><KeyCount>${page.length}</KeyCount><MaxKeys>1000</MaxKeys>${next}${entries}</ListBucketResult>`,
  );
}

/** Keys, and what they have in common up to the next delimiter, in order. */
function namesBelow(state: SinkState, prefix: string, delimiter: string): string[] {
  const names = new Set<string>();
  const keys = state.sortedKeys();
  for (let at = firstFrom(keys, prefix); at < keys.length; at++) {
    const key = keys[at] ?? '';
    if (!key.startsWith(prefix)) break;
    const end = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length);
    names.add(end < 0 ? key : key.slice(0, end + delimiter.length));
  }
  return [...names];
}

function firstFrom(sorted: readonly string[], least: string): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] ?? '') < least) low = middle + 1;
    else high = middle;
  }
  return low;
}

function entryOf(state: SinkState, name: string): string {
  const object = state.objects.get(name);
  if (object === undefined) return `<CommonPrefixes><Prefix>${name}</Prefix></CommonPrefixes>`;
  const modified = new Date(object.completedAtMs).toISOString();
  return `<Contents><Key>${name}</Key><LastModified>${modified}</LastModified><ETag>"${object.etag}"</ETag><Size>${object.sizeBytes}</Size><StorageClass>STANDARD</StorageClass></Contents>`;
}

async function answerGet({ state, incoming, response }: Request, object: SinkObject): Promise<void> {
  const range = /bytes=(\d+)-(\d*)/.exec(incoming.headers.range ?? '');
  const start = Number(range?.[1] ?? 0);
  const end = Math.min(object.sizeBytes, range?.[2] ? Number(range[2]) + 1 : object.sizeBytes);
  response.writeHead(range === null ? 200 : 206, {
    'content-length': end - start,
    ...(range === null ? {} : { 'content-range': `bytes ${start}-${end - 1}/${object.sizeBytes}` }),
  });
  state.bytesOut += end - start;
  if (object.source === null) return void response.destroy();
  if ('bytes' in object.source) return void response.end(object.source.bytes.subarray(start, end));
  await sendFile(response, object.source.path, { start, end });
}

async function sendFile(response: ServerResponse, path: string, { start, end }: { start: number; end: number }) {
  const file = await open(path, 'r');
  try {
    for (let position = start; position < end && !response.destroyed;) {
      const chunk = Buffer.allocUnsafeSlow(Math.min(CHUNK_BYTES, end - position));
      const { bytesRead } = await file.read(chunk, 0, chunk.byteLength, position);
      position += bytesRead;
      if (!response.write(chunk.subarray(0, bytesRead))) await drained(response);
    }
    response.end();
  } finally {
    await file.close();
  }
}

async function drained(response: ServerResponse): Promise<void> {
  await new Promise<void>((resolve) => {
    const go = (): void => {
      response.off('drain', go).off('close', go);
      resolve();
    };
    response.on('drain', go).on('close', go);
  });
}

/** Takes a body in and lets go of it, unless it is small. */
async function receive({ state, incoming }: Request): Promise<Received> {
  const digest = state.behaviour.verify ? new BodyDigest() : null;
  const announced = Number(incoming.headers['content-length'] ?? 0);
  const kept: Buffer[] = [];
  let sizeBytes = 0;
  await new Promise<void>((resolve, reject) => {
    incoming.on('data', (chunk: Buffer) => {
      sizeBytes += chunk.byteLength;
      state.bytesIn += chunk.byteLength;
      digest?.update(chunk);
      if (announced <= KEPT_BYTES) kept.push(chunk);
      const waitMs = state.paceMs(chunk.byteLength);
      if (waitMs < 5) return;
      incoming.pause();
      setTimeout(() => incoming.resume(), waitMs);
    });
    incoming.once('end', resolve).once('error', reject).once('close', resolve);
  });
  if (announced >= KEPT_BYTES) state.lastDataAtMs = Date.now();
  const given = incoming.headers['x-amz-checksum-crc32'];
  const actual = digest?.crc32() ?? null;
  if (digest !== null && given !== undefined) state.crcsChecked++;
  const crcFits = actual === null || given === undefined || given === actual;
  if (!crcFits) state.wrongCrcs++;
  return {
    sizeBytes,
    crc32: actual ?? (typeof given === 'string' ? given : null),
    sha256: digest?.sha256() ?? null,
    bytes: announced <= KEPT_BYTES ? Buffer.concat(kept) : null,
    crcFits,
  };
}

function xml(response: ServerResponse, text: string): void {
  const body = `<?xml version="1.0" encoding="UTF-8"?>${text}`;
  response.writeHead(200, { 'content-type': 'application/xml', 'content-length': Buffer.byteLength(body) }).end(body);
}

function refuse(response: ServerResponse, status: number, code: string | null): void {
  const body =
    code === null
      ? ''
      : `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>injected or missing</Message></Error>`;
  response
    .writeHead(status, { 'content-type': 'application/xml', 'content-length': Buffer.byteLength(body) })
    .end(body);
}
