import { expect, test } from 'vitest';
import { classifyAwsError, isEventualConsistency } from './classify.ts';

const awsError = (name: string, message = 'text from AWS') => Object.assign(new Error(message), { name });

test.each([
  ['InsufficientInstanceCapacity', 'no-capacity', 13],
  ['VcpuLimitExceeded', 'quota-exceeded', 13],
  ['UnauthorizedOperation', 'access-denied', 12],
  ['ExpiredToken', 'credentials-expired', 12],
  ['VPCIdNotSpecified', 'config-invalid', 3],
  ['SomethingNew', 'cloud-error', 14],
])('%s becomes %s with exit code %i and keeps the code of AWS in the message', (name, code, exitCode) => {
  const error = classifyAwsError(awsError(name), 'creating the fleet');
  expect(error).toMatchObject({ code, exitCode, message: `creating the fleet: text from AWS (${name})` });
});

test('a network failure says that AWS does not answer', () => {
  const error = classifyAwsError(Object.assign(new Error('connect'), { code: 'ECONNREFUSED' }), 'listing instances');
  expect(error).toMatchObject({
    code: 'cloud-unreachable',
    message: 'listing instances: no answer from AWS (ECONNREFUSED)',
  });
});

test("a page of somebody else's is told as one, and not as the parser's trouble with it", () => {
  const parsing =
    '@aws-sdk XML parse error: mismatched tags <html> and </title>.\n  Deserialization error: to see the raw response, …';
  const page = Object.assign(new Error(parsing), { $response: { statusCode: 502 } });
  expect(classifyAwsError(page, 'reading the events of the fleet')).toMatchObject({
    code: 'cloud-unreachable',
    message: "reading the events of the fleet: HTTP 502 with what is no answer of AWS's",
  });
});

const AWS_HEADERS = { 'x-amzn-requestid': '1' };
const S3_HEADERS = { 'x-amz-request-id': '1' };

test.each<[what: string, code: string, headers: Record<string, string>, body: unknown]>([
  ['XML that is cut off, with an id', 'cloud-error', AWS_HEADERS, '<DescribeFleetsResponse><fle'],
  ['an empty body with an id', 'cloud-error', AWS_HEADERS, ''],
  ['what nobody read, with an id', 'cloud-error', AWS_HEADERS, undefined],
  ['an answer of S3 that is cut off', 'cloud-error', S3_HEADERS, '<ListBucketResult>'],
  ['JSON that is cut off, with an id in capitals', 'cloud-error', { 'X-Amzn-RequestId': '1' }, '{"Parameter":'],
  ['a page that a proxy put in place of the body', 'cloud-unreachable', AWS_HEADERS, '<!DOCTYPE html><p>log in'],
  ['a page after spaces', 'cloud-unreachable', AWS_HEADERS, '\n <HTML lang="en">'],
  ['XML without an id', 'cloud-unreachable', { server: 'nginx' }, '<error>bad</error>'],
  ['a text without an id', 'cloud-unreachable', {}, 'upstream connect error'],
  ['the id of another proxy', 'cloud-unreachable', { 'x-request-id': '1' }, 'Bad Gateway'],
])('what the SDK cannot read: %s is %s', (_what, code, headers, body) => {
  const unread = new Error('XML parse error\n  Deserialization error: to see the raw response, …');
  const error = Object.assign(unread, { $response: { statusCode: 200, headers, body } });
  expect(classifyAwsError(error, 'reading the events of the fleet').code).toBe(code);
});

test('only what AWS has not heard of yet is worth waiting for', () => {
  expect(isEventualConsistency(awsError('InvalidLaunchTemplateId.NotFound'))).toBe(true);
  expect(isEventualConsistency(awsError('InvalidParameterValue', 'Invalid IAM Instance Profile name'))).toBe(true);
  expect(isEventualConsistency(awsError('InvalidParameterValue', 'bad size'))).toBe(false);
  expect(isEventualConsistency(awsError('InvalidAMIID.NotFound'))).toBe(false);
});

test.each(['AuthFailure', 'InvalidClientTokenId', 'UnrecognizedClientException'])(
  '%s may mean a region that the account has not enabled',
  (name) => {
    const { code, hint } = classifyAwsError(awsError(name), 'looking for capacity pools');
    expect(code).toBe('no-credentials');
    expect(hint).toMatch(/log in .*a region that the account has not enabled answers so too/);
  },
);
