import { isSkewed } from '@runctl/aws-wire';
import { StoreError, type StoreErrorKind } from '../port/object-store.ts';
import type { HttpAnswer } from './http-call.ts';
import { xmlText, parseXmlAnswer, type XmlNode } from './xml.ts';

/** An answer that is no success, as far as it could be read: S3 sends no body to HEAD. */
export interface Failure {
  readonly status: number;
  readonly code: string | null;
  readonly message: string | null;
  /** Where the bucket is, when S3 says that it is elsewhere. */
  readonly region: string | null;
  readonly serverTimeMs: number | null;
}

/** The classes of S3's error codes; the status decides about all others. */
const KINDS: Readonly<Record<string, StoreErrorKind>> = {
  NoSuchKey: 'missing',
  NoSuchUpload: 'missing',
  NoSuchVersion: 'missing',
  NoSuchBucket: 'bucket-missing',
  PreconditionFailed: 'precondition',
  InvalidRange: 'precondition',
  ConditionalRequestConflict: 'conflict',
  OperationAborted: 'conflict',
  AccessDenied: 'denied',
  AllAccessDisabled: 'denied',
  AccountProblem: 'denied',
  ExpiredToken: 'credentials',
  InvalidAccessKeyId: 'credentials',
  InvalidToken: 'credentials',
  TokenRefreshRequired: 'credentials',
  SignatureDoesNotMatch: 'credentials',
  RequestTimeTooSkewed: 'credentials',
  SlowDown: 'transient',
  InternalError: 'transient',
  ServiceUnavailable: 'transient',
  RequestTimeout: 'transient',
  IncompleteBody: 'transient',
  // The bytes were damaged on the way: sending them again is right.
  BadDigest: 'transient',
  XAmzContentSHA256Mismatch: 'transient',
  Throttling: 'transient',
  RequestLimitExceeded: 'transient',
};

const KINDS_BY_STATUS: Readonly<Record<number, StoreErrorKind>> = {
  401: 'credentials',
  403: 'denied',
  404: 'missing',
  408: 'transient',
  409: 'conflict',
  412: 'precondition',
  416: 'precondition',
  429: 'transient',
  501: 'permanent',
};

export function failureKind({ status, code }: Pick<Failure, 'status' | 'code'>): StoreErrorKind {
  const byCode = code === null ? undefined : KINDS[code];
  return byCode ?? KINDS_BY_STATUS[status] ?? (status >= 500 ? 'transient' : 'permanent');
}

export function failureOf(answer: HttpAnswer, body: string): Failure {
  const parsed = parseXmlAnswer(body);
  const root: XmlNode = parsed?.name === 'Error' ? parsed.root : {};
  return {
    status: answer.status,
    code: xmlText(root, 'Code'),
    message: xmlText(root, 'Message'),
    region: answer.header('x-amz-bucket-region') ?? xmlText(root, 'Region'),
    serverTimeMs: answer.serverTimeMs,
  };
}

/** A success by its status that carries an error in its body, as CompleteMultipartUpload and CopyObject may answer. */
export function failureInside(answer: HttpAnswer, body: string): Failure | null {
  return parseXmlAnswer(body)?.name === 'Error' ? failureOf(answer, body) : null;
}

/** Only with new credentials can the call succeed. */
export function wantsNewCredentials({ code }: Failure): boolean {
  return code === 'ExpiredToken' || code === 'TokenRefreshRequired' || code === 'InvalidToken';
}

/** True when the signature's date explains the refusal. HEAD has no body to say so, hence the comparison. */
export function isClockSkew(failure: Failure, signedAtMs: number): boolean {
  if (failure.serverTimeMs === null) return false;
  if (failure.code === 'RequestTimeTooSkewed') return true;
  const refused = failure.code === null || failure.code === 'SignatureDoesNotMatch';
  return failure.status === 403 && refused && isSkewed(failure.serverTimeMs, signedAtMs);
}

export function errorOf(
  failure: Failure,
  at: { readonly bucket: string; readonly region: string; readonly key: string | null; readonly operation: string },
): StoreError {
  const { status, code } = failure;
  const details = { status, code, key: at.key };
  const elsewhere = failure.region !== null && failure.region !== at.region;
  if (elsewhere && (status === 301 || status === 307 || status === 400)) {
    const message = `the bucket ${at.bucket} is in ${failure.region}, but the request went to ${at.region}`;
    return new StoreError('permanent', message, details);
  }
  // A new bucket's own host name answers 307 until DNS knows it.
  const kind = status === 307 ? 'transient' : failureKind(failure);
  const object = at.key === null ? `s3://${at.bucket}` : `s3://${at.bucket}/${at.key}`;
  const reason = [code ?? `status ${status}`, failure.message]
    .filter((part) => part !== null && part !== '')
    .join(': ');
  return new StoreError(kind, `${at.operation} ${object}: ${reason}`, details);
}
