import { S3Error, type S3ErrorCode, type S3ErrorOptions } from '../../../model/s3/errors.ts';
import { SignatureError, type SignatureFault } from '../../../wire/signature-error.ts';

/** HTTP status of the codes that are not plain client errors (400), as the API reference's "Error responses" has them. */
const statuses: Readonly<Partial<Record<S3ErrorCode, number>>> = {
  AccessDenied: 403,
  BucketAlreadyOwnedByYou: 409,
  BucketNotEmpty: 409,
  ConditionalRequestConflict: 409,
  InternalError: 500,
  InvalidAccessKeyId: 403,
  InvalidChunkSizeError: 403,
  InvalidRange: 416,
  MethodNotAllowed: 405,
  MissingContentLength: 411,
  NoSuchBucket: 404,
  NoSuchBucketPolicy: 404,
  NoSuchCORSConfiguration: 404,
  NoSuchKey: 404,
  NoSuchLifecycleConfiguration: 404,
  NoSuchPublicAccessBlockConfiguration: 404,
  NoSuchTagSet: 404,
  NoSuchUpload: 404,
  NoSuchVersion: 404,
  NoSuchWebsiteConfiguration: 404,
  NotImplemented: 501,
  ObjectLockConfigurationNotFoundError: 404,
  OwnershipControlsNotFoundError: 404,
  PreconditionFailed: 412,
  ReplicationConfigurationNotFoundError: 404,
  RequestTimeTooSkewed: 403,
  SignatureDoesNotMatch: 403,
  SlowDown: 503,
};

export interface S3RefusalOptions extends S3ErrorOptions {
  /** That of the code when left out. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

/** An error of S3 that says more over HTTP than its code does. */
export class S3Refusal extends S3Error {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(code: string, options: S3RefusalOptions = {}) {
    super(code as S3ErrorCode, options);
    this.status = options.status ?? statusOf(code);
    this.headers = options.headers ?? {};
  }
}

function statusOf(code: string): number {
  return statuses[code as S3ErrorCode] ?? 400;
}

const signatureCodes = {
  missing: 'AccessDenied',
  malformed: 'AuthorizationHeaderMalformed',
  unsupported: 'InvalidRequest',
  'wrong-scope': 'AuthorizationHeaderMalformed',
  'unknown-key': 'InvalidAccessKeyId',
  mismatch: 'SignatureDoesNotMatch',
  'headers-not-signed': 'AccessDenied',
  'token-invalid': 'InvalidToken',
  'token-expired': 'ExpiredToken',
  skewed: 'RequestTimeTooSkewed',
  'presign-expired': 'AccessDenied',
  'presign-not-yet': 'AccessDenied',
  'payload-hash-missing': 'InvalidRequest',
  'payload-mismatch': 'XAmzContentSHA256Mismatch',
} as const satisfies Record<SignatureFault, S3ErrorCode>;

/** Turns anything thrown into the refusal that the client gets; what is not S3's own becomes InternalError. */
export function asRefusal(error: unknown): S3Refusal {
  if (error instanceof S3Refusal) return error;
  if (error instanceof S3Error) return new S3Refusal(error.code, { message: error.message, fields: error.fields });
  if (error instanceof SignatureError)
    return new S3Refusal(signatureCodes[error.fault], { message: error.message, fields: error.details });
  const detail = error instanceof Error ? error.message : String(error);
  return new S3Refusal('InternalError', { fields: { Detail: detail } });
}
