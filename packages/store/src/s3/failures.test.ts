import { describe, expect, test } from 'vitest';
import { errorOf, isClockSkew, failureKind } from './failures.ts';

const at = { bucket: 'data', region: 'us-east-1', key: 'a/b', operation: 'PUT' };
const failure = { status: 500, code: null, message: null, region: null, serverTimeMs: null };

describe("S3's refusals", () => {
  test.each([
    [404, 'NoSuchKey', 'missing'],
    [404, 'NoSuchUpload', 'missing'],
    [404, 'NoSuchBucket', 'bucket-missing'],
    [404, null, 'missing'],
    [412, 'PreconditionFailed', 'precondition'],
    [412, null, 'precondition'],
    [416, 'InvalidRange', 'precondition'],
    [409, 'ConditionalRequestConflict', 'conflict'],
    [409, 'OperationAborted', 'conflict'],
    [403, 'AccessDenied', 'denied'],
    [403, null, 'denied'],
    [400, 'ExpiredToken', 'credentials'],
    [403, 'InvalidAccessKeyId', 'credentials'],
    [403, 'SignatureDoesNotMatch', 'credentials'],
    [403, 'RequestTimeTooSkewed', 'credentials'],
    [503, 'SlowDown', 'transient'],
    [500, 'InternalError', 'transient'],
    [200, 'InternalError', 'transient'],
    [502, null, 'transient'],
    [400, 'RequestTimeout', 'transient'],
    [400, 'BadDigest', 'transient'],
    [429, null, 'transient'],
    [400, 'EntityTooSmall', 'permanent'],
    [400, null, 'permanent'],
    [501, 'NotImplemented', 'permanent'],
  ] as const)('%s %s is %s', (status, code, kind) => {
    expect(failureKind({ status, code })).toBe(kind);
  });

  test('names the region in which the bucket is', () => {
    const error = errorOf({ ...failure, status: 301, code: 'PermanentRedirect', region: 'eu-west-1' }, at);
    expect(error.kind).toBe('permanent');
    expect(error.message).toBe('the bucket data is in eu-west-1, but the request went to us-east-1');
    const malformed = { ...failure, status: 400, code: 'AuthorizationHeaderMalformed', region: 'eu-west-1' };
    expect(errorOf(malformed, at).message).toContain('is in eu-west-1');
  });

  test('tries again where a new bucket is not known everywhere yet', () => {
    expect(errorOf({ ...failure, status: 307, code: 'TemporaryRedirect' }, at).kind).toBe('transient');
    expect(errorOf({ ...failure, status: 307, region: 'us-east-1' }, at).kind).toBe('transient');
  });

  test('keeps what S3 said in the message', () => {
    const error = errorOf({ ...failure, status: 403, code: 'AccessDenied', message: 'not for you' }, at);
    expect(error).toMatchObject({ kind: 'denied', status: 403, code: 'AccessDenied', key: 'a/b' });
    expect(error.message).toBe('PUT s3://data/a/b: AccessDenied: not for you');
  });

  test('takes a refusal for a wrong clock only when the clocks differ', () => {
    const bare = { ...failure, status: 403, serverTimeMs: 10_000_000 };
    expect(isClockSkew(bare, 10_000_000 - 3_600_000)).toBe(true);
    expect(isClockSkew(bare, 10_000_000 - 60_000)).toBe(false);
    expect(isClockSkew({ ...bare, code: 'AccessDenied' }, 0)).toBe(false);
    expect(isClockSkew({ ...bare, code: 'RequestTimeTooSkewed' }, 10_000_000)).toBe(true);
    expect(isClockSkew({ ...bare, serverTimeMs: null }, 0)).toBe(false);
  });
});
