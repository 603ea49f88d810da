import { encodePath } from '@runctl/aws-wire';
import { copyInParts } from '../parts/copy-in-parts.ts';
import { crc32Of } from '../port/crc32.ts';
import { compareKeys } from '../port/keys.ts';
import {
  type ByteRange,
  type CallOptions,
  type CompletedPart,
  type CopiedObject,
  type CompleteOptions,
  type GetOptions,
  type HeadOptions,
  type HeadResult,
  isStoreError,
  type ListOptions,
  type MultipartUpload,
  type ObjectBody,
  type ObjectInfo,
  type ObjectStore,
  type OpenUpload,
  type PartInfo,
  type PutOptions,
  type ReadResult,
  StoreError,
} from '../port/object-store.ts';
import { assertRange } from '../port/semantics.ts';
import { foldersPage, infoOf, objectsPage, partsPage, plainEtag, rootOf, uploadsPage } from './answers.ts';
import { asPrecondition, conditionHeaders } from './conditions.ts';
import { deleteInBatches } from './delete-objects.ts';
import { bucketListing, pagedAnswers } from './listing.ts';
import { recordedChecksumIn, recordedChecksumWish } from './recorded-checksum.ts';
import { type S3Call, S3Client, type S3Options } from './s3-client.ts';
import { completeDocument, partQuery } from './upload-requests.ts';
import { xmlText } from './xml.ts';

const GIB = 1024 ** 3;
/** S3's limit for CopyObject and for one part. */
const COPY_LIMIT_BYTES = 5 * GIB;

export interface S3StoreOptions extends S3Options {
  /** Objects above it are copied in parts; S3's own limit unless a test wants a smaller one. */
  readonly copyLimitBytes?: number;
}

/** An S3 bucket. Repeats nothing by itself: wrap it with `retrying`. `close` ends the kept connections. */
export class S3Store implements ObjectStore {
  readonly location: string;
  readonly #client: S3Client;
  readonly #copyLimitBytes: number;
  #bucketSeen = false;

  constructor(options: S3StoreOptions) {
    this.location = `s3://${options.bucket}`;
    this.#client = new S3Client(options);
    this.#copyLimitBytes = options.copyLimitBytes ?? COPY_LIMIT_BYTES;
  }

  close(): void {
    this.#client.close();
  }

  async put(key: string, body: ObjectBody, options: PutOptions = {}): Promise<{ etag: string }> {
    const { when, once = false, crc32, signal } = options;
    // A condition may not hold any more for a second try, though the first was the one that changed that.
    const repeatable = when === undefined && !once;
    const call: S3Call = { method: 'PUT', key, body, headers: conditionHeaders(when), crc32, signal, repeatable };
    const { answer } = await this.#client.callForText(call).catch(asPrecondition(when));
    return { etag: plainEtag(answer.header('etag') ?? '') };
  }

  async get(key: string, options: GetOptions = {}): Promise<ReadResult> {
    const { range, ifMatch, checksum, signal } = options;
    if (range !== undefined) assertRange(range, key);
    const headers = {
      ...(range === undefined ? {} : { range: `bytes=${range.start}-${range.end - 1}` }),
      ...(ifMatch === undefined ? {} : { 'if-match': `"${ifMatch}"` }),
      ...recordedChecksumWish(checksum),
    };
    const answer = await this.#client.call({ method: 'GET', key, headers, signal, into: options.into });
    if (range !== undefined && answer.status !== 206) {
      throw new StoreError('permanent', `the store ignored the range asked of ${key}`, { key, status: answer.status });
    }
    const { serverTimeMs, ...info } = infoOf(answer, key);
    return {
      info,
      body: answer.body,
      serverTimeMs,
      ...(range === undefined ? recordedChecksumIn(answer, checksum) : {}),
    };
  }

  async head(key: string, options: HeadOptions = {}): Promise<HeadResult | null> {
    try {
      const headers = recordedChecksumWish(options.checksum);
      const { answer } = await this.#client.callForText({ method: 'HEAD', key, headers, signal: options.signal });
      return { ...infoOf(answer, key), ...recordedChecksumIn(answer, options.checksum) };
    } catch (error) {
      if (!isStoreError(error)) throw error;
      if (error.kind === 'missing') return await this.#missingOrNoBucket(key, options);
      // HEAD's refusals have no body: a GET of one byte says why.
      if (error.status === 400 || error.status === 403) await this.#explain(key, options);
      throw error;
    }
  }

  list(options: ListOptions): AsyncIterable<ObjectInfo> {
    return bucketListing(this.#client, options, objectsPage);
  }

  async *listFolders(options: ListOptions): AsyncIterable<string> {
    const { startAfter } = options;
    // `start-after` is compared with keys: without the largest character the folder itself would come again.
    const query = { delimiter: '/', ...(startAfter === undefined ? {} : { 'start-after': `${startAfter}\u{10FFFF}` }) };
    let left = options.limit ?? Number.POSITIVE_INFINITY;
    for await (const folder of bucketListing(this.#client, { ...options, limit: undefined, query }, foldersPage)) {
      if (left-- <= 0) return;
      if (startAfter === undefined || compareKeys(folder, startAfter) > 0) yield folder;
    }
  }

  async delete(keys: readonly string[], options: CallOptions = {}): Promise<void> {
    await deleteInBatches(this.#client, keys, options);
  }

  async copy(from: string, to: string, options: CallOptions = {}): Promise<CopiedObject> {
    const info = await this.head(from, options);
    if (info === null) throw new StoreError('missing', `no object ${from}`, { key: from, code: 'NoSuchKey' });
    if (info.sizeBytes > this.#copyLimitBytes) return copyInParts(this, { source: info, to }, options);
    const headers = { 'x-amz-copy-source': this.#source(from), 'x-amz-copy-source-if-match': `"${info.etag}"` };
    const call: S3Call = { method: 'PUT', key: to, headers, signal: options.signal, slow: true };
    const { text } = await this.#client.callForText(call);
    return { crc32: xmlText(rootOf(text, 'CopyObjectResult'), 'ChecksumCRC32') };
  }

  async createMultipart(key: string, options: CallOptions = {}): Promise<MultipartUpload> {
    const headers = { 'x-amz-checksum-algorithm': 'CRC32' };
    const call: S3Call = { method: 'POST', key, query: { uploads: '' }, headers, signal: options.signal };
    const { text } = await this.#client.callForText(call);
    const uploadId = xmlText(rootOf(text, 'InitiateMultipartUploadResult'), 'UploadId');
    if (uploadId === null) throw new StoreError('transient', `no upload id came for ${key}`, { key });
    return { key, uploadId };
  }

  async uploadPart(
    upload: MultipartUpload,
    part: { readonly partNumber: number; readonly body: Uint8Array; readonly crc32?: string | undefined },
    options: CallOptions = {},
  ): Promise<CompletedPart> {
    const { partNumber, body } = part;
    const crc32 = part.crc32 ?? crc32Of(body);
    const call: S3Call = { method: 'PUT', key: upload.key, query: partQuery(upload, partNumber), body, crc32 };
    const { answer } = await this.#client.callForText({ ...call, signal: options.signal });
    return { partNumber, etag: plainEtag(answer.header('etag') ?? ''), crc32 };
  }

  async copyPart(
    upload: MultipartUpload,
    part: { partNumber: number; from: string; range: ByteRange; ifMatch?: string | undefined },
    options: CallOptions = {},
  ): Promise<CompletedPart> {
    const { partNumber, from, range, ifMatch } = part;
    assertRange(range, from);
    const headers = {
      'x-amz-copy-source': this.#source(from),
      'x-amz-copy-source-range': `bytes=${range.start}-${range.end - 1}`,
      ...(ifMatch === undefined ? {} : { 'x-amz-copy-source-if-match': `"${ifMatch}"` }),
    };
    const call: S3Call = { method: 'PUT', key: upload.key, query: partQuery(upload, partNumber), headers, slow: true };
    const { text } = await this.#client.callForText({ ...call, signal: options.signal });
    const result = rootOf(text, 'CopyPartResult');
    return { partNumber, etag: plainEtag(xmlText(result, 'ETag') ?? ''), crc32: xmlText(result, 'ChecksumCRC32') };
  }

  async completeMultipart(
    upload: MultipartUpload,
    parts: readonly CompletedPart[],
    options: CompleteOptions = {},
  ): Promise<{ etag: string }> {
    const { when, sizeBytes, signal } = options;
    const body = Buffer.from(completeDocument(parts));
    const headers = {
      ...conditionHeaders(when),
      ...(sizeBytes === undefined ? {} : { 'x-amz-mp-object-size': String(sizeBytes) }),
    };
    const query = { uploadId: upload.uploadId };
    const call: S3Call = { method: 'POST', key: upload.key, query, headers, body, signal, slow: true, crc32: null };
    const { text } = await this.#client.callForText(call).catch(asPrecondition(when));
    const etag = plainEtag(xmlText(rootOf(text, 'CompleteMultipartUploadResult'), 'ETag') ?? '');
    return { etag: etag === '' ? await this.#etagOf(upload.key, options) : etag };
  }

  async abortMultipart(upload: MultipartUpload, options: CallOptions = {}): Promise<void> {
    const query = { uploadId: upload.uploadId };
    const call: S3Call = { method: 'DELETE', key: upload.key, query, signal: options.signal };
    await this.#client.callForText(call).catch((error: unknown) => {
      if (!isStoreError(error, 'missing')) throw error;
    });
  }

  listParts(upload: MultipartUpload, options: CallOptions = {}): AsyncIterable<PartInfo> {
    return pagedAnswers(
      this.#client,
      { method: 'GET', key: upload.key, query: { uploadId: upload.uploadId }, signal: options.signal },
      partsPage,
    );
  }

  listMultipart(options: { readonly prefix: string } & CallOptions): AsyncIterable<OpenUpload> {
    const query = { uploads: '', 'encoding-type': 'url', prefix: options.prefix };
    return pagedAnswers(this.#client, { method: 'GET', key: null, query, signal: options.signal }, uploadsPage);
  }

  /** Ceph's gateway leaves the etag of a completed upload empty; right for keys that are written once. */
  async #etagOf(key: string, { signal }: CallOptions): Promise<string> {
    const info = await this.head(key, { signal });
    if (info === null) throw new StoreError('transient', `${key} was completed and is not there`, { key });
    return info.etag;
  }

  #source(key: string): string {
    return `${this.#client.bucket}/${encodePath(key)}`;
  }

  /** HEAD answers 404 to a missing object and to a missing bucket alike; one GET tells that the bucket is there. */
  async #missingOrNoBucket(key: string, options: CallOptions): Promise<null> {
    if (this.#bucketSeen) return null;
    try {
      await this.#explain(key, options);
    } catch (error) {
      if (!isStoreError(error, 'missing', 'precondition')) throw error;
    }
    this.#bucketSeen = true;
    return null;
  }

  async #explain(key: string, options: CallOptions): Promise<void> {
    const headers = { range: 'bytes=0-0' };
    await this.#client.callForText({ method: 'GET', key, headers, signal: options.signal });
  }
}
