/**
 * What went wrong, as far as a caller can act on it.
 *
 * - `missing` no such object, upload or part · `bucket-missing` no such bucket
 * - `precondition` a `when`, `ifMatch` or range did not hold (412, 416): trying again as it stands can't help
 * - `conflict` another write to the same key was under way (409); says nothing about who won: try again
 * - `denied` the caller may not; also a missing key where the caller may not list
 * - `credentials` none, expired or wrong: nothing else will work either
 * - `transient` the same call may succeed later (5xx, throttling, time-outs, broken connections)
 * - `permanent` any other refusal · `aborted` the caller's signal fired
 */
export type StoreErrorKind =
  | 'missing'
  | 'precondition'
  | 'conflict'
  | 'denied'
  | 'bucket-missing'
  | 'credentials'
  | 'transient'
  | 'permanent'
  | 'aborted';

export interface StoreErrorDetails {
  /** HTTP status, null where none was received. */
  readonly status?: number | null;
  /** S3's error code, such as `NoSuchKey`; null where the store gave none. */
  readonly code?: string | null;
  readonly key?: string | null;
  readonly cause?: unknown;
}

/** The only error an ObjectStore rejects with. */
export class StoreError extends Error {
  readonly kind: StoreErrorKind;
  readonly status: number | null;
  readonly code: string | null;
  readonly key: string | null;

  constructor(kind: StoreErrorKind, message: string, details: StoreErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'StoreError';
    this.kind = kind;
    this.status = details.status ?? null;
    this.code = details.code ?? null;
    this.key = details.key ?? null;
  }
}

export function isStoreError(error: unknown, ...kinds: StoreErrorKind[]): error is StoreError {
  return error instanceof StoreError && (kinds.length === 0 || kinds.includes(error.kind));
}

export interface ObjectInfo {
  readonly key: string;
  readonly sizeBytes: number;
  /** Opaque; equal etags of one key mean equal bytes. Carries no quotes. */
  readonly etag: string;
  /** By the store's clock, which may have a resolution of one second. */
  readonly lastModifiedMs: number;
}

/** A body that can be produced again for a retry: `open` may be called more than once. */
export type ObjectBody = Uint8Array | { readonly sizeBytes: number; open(): AsyncIterable<Uint8Array> };

/** `absent`: no object may be there. `etag`: exactly this version must be there. */
export type PutCondition = { readonly absent: true } | { readonly etag: string };

/** `end` is exclusive and may lie behind the object's end; `start` may not. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

export interface ReadResult {
  readonly info: ObjectInfo;
  /** Can be read once. Leaving the loop early frees the connection. */
  readonly body: AsyncIterable<Uint8Array>;
  /** The answering side's clock (HTTP `Date`), epoch ms; never this machine's. */
  readonly serverTimeMs: number;
  /** See `HeadResult`; never told with a range. */
  readonly crc32?: string | null;
}

export interface HeadResult extends ObjectInfo {
  readonly serverTimeMs: number;
  /**
   * With `checksum`, and where the store has one: the CRC-32 of the whole in S3's form, or that of an object made of n
   * parts, `<CRC-32 over the parts' binary CRC-32s>-<n>` (S3 User Guide, "Checking object integrity", composite checksums).
   */
  readonly crc32?: string | null;
}

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
}

export interface PutOptions extends CallOptions {
  readonly when?: PutCondition | undefined;
  /** Whoever calls repeats by itself, since there is something to make sure of before each try: nobody else may. */
  readonly once?: boolean | undefined;
  /** Of the body, in S3's form: spares computing it again. */
  readonly crc32?: string | undefined;
}

export interface HeadOptions extends CallOptions {
  /** Ask for the recorded checksum; on a bucket with a KMS key this takes the right to decrypt. */
  readonly checksum?: boolean | undefined;
}

export interface GetOptions extends HeadOptions {
  readonly range?: ByteRange | undefined;
  /** Fails with `precondition` when the object has another etag by now. */
  readonly ifMatch?: string | undefined;
  /**
   * Memory of the size of the range, or of the object, where the bytes are wanted in the end. A store may put them there itself: then the body's
   * chunks are pieces of it, in order, and need no copying. A store that does not know it yields chunks of its own.
   */
  readonly into?: Uint8Array | undefined;
}

export interface ListOptions extends CallOptions {
  readonly prefix: string;
  /** Only keys (or folders) after this one, which need not exist. */
  readonly startAfter?: string | undefined;
  readonly limit?: number | undefined;
}

export interface MultipartUpload {
  readonly key: string;
  readonly uploadId: string;
}

/** CRCs have S3's form: CRC-32 (zlib's), big endian, base64. */
export interface CompletedPart {
  readonly partNumber: number;
  readonly etag: string;
  readonly crc32: string | null;
}

export interface PartInfo extends CompletedPart {
  readonly sizeBytes: number;
}

export interface CompleteOptions extends PutOptions {
  /** The store refuses when the parts do not add up to it. */
  readonly sizeBytes?: number | undefined;
}

export interface CopiedObject {
  /** Of the bytes that stand in the copy, in one of the forms of `HeadResult`; null where the store does not tell. */
  readonly crc32: string | null;
}

export interface OpenUpload extends MultipartUpload {
  readonly initiatedMs: number;
}

/**
 * Objects in one bucket or folder. Strongly consistent: what was written is read and listed at once. Writing a key is
 * atomic: readers see the old object or the whole new one. Keys are non-empty, do not begin with `/` and hold no empty,
 * `.` or `..` segment. Every method rejects only with StoreError, and with kind `aborted` soon after the signal fires.
 */
export interface ObjectStore {
  /** For people: `s3://bucket/prefix`, a folder, `memory`. */
  readonly location: string;

  put(key: string, body: ObjectBody, options?: PutOptions): Promise<{ readonly etag: string }>;
  /** Rejects with `missing`. An error in the middle of the body is thrown by its iterator. */
  get(key: string, options?: GetOptions): Promise<ReadResult>;
  head(key: string, options?: HeadOptions): Promise<HeadResult | null>;
  /** Every object whose key begins with `prefix`, in order of the keys' UTF-8 bytes. */
  list(options: ListOptions): AsyncIterable<ObjectInfo>;
  /** The distinct beginnings of keys from `prefix` to the next `/`, that one included, in order. */
  listFolders(options: ListOptions): AsyncIterable<string>;
  /** Deleting a missing key is no error. Keys may be deleted in part when this rejects. */
  delete(keys: readonly string[], options?: CallOptions): Promise<void>;
  /** Inside the store, whatever the size. Rejects with `missing`. */
  copy(from: string, to: string, options?: CallOptions): Promise<CopiedObject>;

  createMultipart(key: string, options?: CallOptions): Promise<MultipartUpload>;
  /** Replaces a part of the same number. Parts but the last have at least 5 MiB. `crc32` spares computing it again. */
  uploadPart(
    upload: MultipartUpload,
    part: { readonly partNumber: number; readonly body: Uint8Array; readonly crc32?: string | undefined },
    options?: CallOptions,
  ): Promise<CompletedPart>;
  /** Takes a range of another object of this store as a part. */
  copyPart(
    upload: MultipartUpload,
    part: {
      readonly partNumber: number;
      readonly from: string;
      readonly range: ByteRange;
      readonly ifMatch?: string | undefined;
    },
    options?: CallOptions,
  ): Promise<CompletedPart>;
  /**
   * `parts` in ascending order. `missing` may also mean that an earlier try whose answer was lost has succeeded:
   * `completeUpload` tells the two apart.
   */
  completeMultipart(
    upload: MultipartUpload,
    parts: readonly CompletedPart[],
    options?: CompleteOptions,
  ): Promise<{ readonly etag: string }>;
  /** Aborting an upload that is gone is no error. */
  abortMultipart(upload: MultipartUpload, options?: CallOptions): Promise<void>;
  listParts(upload: MultipartUpload, options?: CallOptions): AsyncIterable<PartInfo>;
  /** Uploads that were neither completed nor aborted. */
  listMultipart(options: { readonly prefix: string } & CallOptions): AsyncIterable<OpenUpload>;
}
