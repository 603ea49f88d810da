import { StoreError } from '@runctl/store';
import { expect, test } from 'vitest';
import { storeProblem } from './documents.ts';

const refused = (code: string | null, status: number, message = 'text from S3') =>
  new StoreError('permanent', message, { code, status });
const unknownKey = (code: string) => new StoreError('credentials', 'text from S3', { code, status: 403 });

test.each([
  ['PermanentRedirect', 301],
  ['AuthorizationHeaderMalformed', 400],
  ['IllegalLocationConstraintException', 400],
  // HEAD has no body to say more.
  [null, 301],
])('a bucket that is elsewhere (%s, %i) is a wrong region', (code, status) => {
  const message = 'the bucket data is in eu-west-1, but the request went to us-east-1';
  expect(storeProblem(refused(code, status, message))).toMatchObject({
    code: 'config-invalid',
    exitCode: 3,
    message: `the region is wrong: ${message}`,
    hint: 'set `region` in .runctl.toml or --region to where the bucket is',
  });
});

test.each(['InvalidAccessKeyId', 'InvalidToken', 'InvalidClientTokenId'])(
  '%s may mean a region that the account has not enabled',
  (code) => {
    expect(storeProblem(unknownKey(code))).toMatchObject({
      code: 'no-credentials',
      hint: expect.stringMatching(/log in .*a region that the account has not enabled answers so too/) as string,
    });
  },
);

test.each(['SignatureDoesNotMatch', 'ExpiredToken', 'TokenRefreshRequired'])(
  '%s says nothing of the region',
  (code) => {
    expect(storeProblem(unknownKey(code))).toMatchObject({ hint: expect.not.stringContaining('enabled') as string });
  },
);
