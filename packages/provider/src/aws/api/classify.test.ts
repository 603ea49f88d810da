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
