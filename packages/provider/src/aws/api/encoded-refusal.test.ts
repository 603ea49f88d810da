import { RunctlError } from '@runctl/core';
import { describe, expect, test } from 'vitest';
import { capacityRequest } from '../../testing/capacity-request.ts';
import { awsUnderTest } from '../testing/aws-under-test.ts';
import { explainedRefusal } from './encoded-refusal.ts';

const refusedBy = (encoded: string): RunctlError =>
  new RunctlError(
    'access-denied',
    `creating the fleet: You are not authorized. Encoded authorization failure message: ${encoded}`,
  );

const decoded = (given: object): string =>
  JSON.stringify({
    allowed: false,
    context: { action: 'ec2:RunInstances', resource: 'arn:aws:ec2:r:1:instance/*' },
    ...given,
  });

describe('a refusal that EC2 encodes', () => {
  test.each<[what: string, decoded: string | null, message: RegExp, hint: RegExp]>([
    [
      'an explicit deny with its statement',
      decoded({ explicitDeny: true, matchedStatements: { items: [{ statementId: 'DenyPublic', effect: 'DENY' }] } }),
      /; ec2:RunInstances on arn:aws:ec2:r:1:instance\/\* is forbidden by the statement DenyPublic of a policy$/,
      /organisation/,
    ],
    [
      'a deny without a name',
      decoded({ explicitDeny: true, matchedStatements: { items: [{ statementId: '' }] } }),
      /is forbidden of a policy$/,
      /organisation/,
    ],
    ['a right that nobody gave', decoded({ explicitDeny: false }), /is allowed by no policy$/, /organisation/],
    [
      'an answer without statements',
      decoded({ explicitDeny: true, matchedStatements: null }),
      /is forbidden of a policy$/,
      /organisation/,
    ],
    [
      'what nobody may decode',
      null,
      /^creating the fleet: You are not authorized\.$/,
      /decode-authorization-message --encoded-message abc-_1=/,
    ],
    ['an answer that is no JSON', 'oops', /not authorized\.$/, /decode-authorization-message/],
    ['an answer without an action', '{"allowed":false}', /not authorized\.$/, /decode-authorization-message/],
  ])('%s', async (_what, text, message, hint) => {
    const explained = await explainedRefusal(refusedBy('abc-_1='), async () => text);
    expect(explained).toMatchObject({ code: 'access-denied' });
    expect(explained.message).toMatch(message);
    expect(explained.message).not.toContain('abc-_1=');
    expect(explained.hint).toMatch(hint);
  });

  test('any other error stays as it is, and nobody is asked', async () => {
    const error = new RunctlError('no-capacity', 'there is none');
    expect(await explainedRefusal(error, () => Promise.reject(new Error('asked')))).toBe(error);
  });

  test('is decoded by STS when a launch meets it', async () => {
    await using under = await awsUnderTest();
    const { provider, region } = under;
    const text = decoded({ explicitDeny: true, matchedStatements: { items: [{ statementId: 'OnlyEncryptedDisks' }] } });
    const encoded = Buffer.from(text).toString('base64url');
    const message = `You are not authorized to perform this operation. Encoded authorization failure message: ${encoded}`;
    region.compute.settings.failNext('CreateFleet', 'UnauthorizedOperation', { message, times: 5 });
    const launching = provider.launch(await capacityRequest(under, 'r-deny'));
    await expect(launching).rejects.toMatchObject({
      code: 'access-denied',
      message: expect.stringContaining('is forbidden by the statement OnlyEncryptedDisks') as string,
    });
  });
});
