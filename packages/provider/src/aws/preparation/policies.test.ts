import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { instancePolicy, trustPolicy, userPolicy } from './policies.ts';
import { printed } from './printed.ts';
import { setupPolicy } from './setup-policy.ts';

const names = { account: 'ACCOUNT', bucket: 'BUCKET', prefix: 'PREFIX/', role: 'runctl-instance', region: 'us-east-1' };

describe('policies', () => {
  test('of docs/aws-account.md are those that `init` uses and prints', async () => {
    const page = await readFile(new URL('../../../../../docs/aws-account.md', import.meta.url), 'utf8');
    const shown = [...page.matchAll(/^```json\n(.*?)^```/gms)].map(([, text = '']) => JSON.parse(text) as unknown);
    expect(shown).toEqual([instancePolicy(names), userPolicy(names), setupPolicy(names)]);
  });

  /** A role's inline policies have 10,240 characters together, a managed policy 6,144 (IAM user guide, "IAM and STS quotas"). */
  test('stay within the sizes of IAM with the longest names', () => {
    const long = {
      account: '123456789012',
      bucket: 'b'.repeat(63),
      prefix: `${'p'.repeat(255)}/`,
      role: 'r'.repeat(64),
      region: 'us-gov-west-1',
    };
    expect(JSON.stringify(instancePolicy(long)).length).toBeLessThan(10_240);
    for (const policy of [userPolicy(long), setupPolicy(long)])
      expect(JSON.stringify(policy).length).toBeLessThan(6144);
  });

  test('of other partitions name them', () => {
    const text = JSON.stringify(
      [instancePolicy, userPolicy, setupPolicy].map((each) => each({ ...names, region: 'cn-north-1' })),
    );
    expect(text).toContain('arn:aws-cn:s3:::BUCKET');
    expect(text).not.toContain('arn:aws:');
  });

  test.each([
    ['cn-north-1', 'ec2.amazonaws.com.cn'],
    ['us-iso-east-1', 'ec2.amazonaws.com'],
    ['us-gov-west-1', 'ec2.amazonaws.com'],
  ])('let the role of %s be handed to %s, which takes it', (region, service) => {
    const [trust] = trustPolicy({ region }).Statement;
    expect(trust?.Principal).toEqual({ Service: service });
    const passing = userPolicy({ ...names, region }).Statement.find(({ Action }) => Action === 'iam:PassRole');
    expect([passing?.Condition?.['StringEquals']?.['iam:PassedToService']].flat()).toContain(service);
  });
});

describe('printed for an administrator', () => {
  test('as IAM documents: role, user and service-linked roles', () => {
    const text = JSON.parse(printed('iam', names)) as Record<string, unknown>;
    expect(Object.keys(text)).toEqual(['runctl-instance', 'user', 'serviceLinkedRoles']);
    expect(text['runctl-instance']).toMatchObject({ PolicyDocument: instancePolicy(names) });
  });

  test('as a template that takes the account from where it is used', () => {
    const text = printed('cloudformation', { ...names, bucket: 'runctl-ACCOUNT-us-east-1' });
    expect(text).not.toContain('"runctl-ACCOUNT-us-east-1"');
    const template = JSON.parse(text) as { Resources: Record<string, { Type: string; DeletionPolicy?: string }> };
    expect(Object.values(template.Resources).map(({ Type }) => Type)).toEqual([
      'AWS::S3::Bucket',
      'AWS::IAM::Role',
      'AWS::IAM::InstanceProfile',
      'AWS::EC2::SecurityGroup',
      'AWS::IAM::ServiceLinkedRole',
      'AWS::IAM::ServiceLinkedRole',
    ]);
    // By these `init --destroy` knows what is its own.
    expect(text).not.toMatch(/"Value": "init"|runctl-abort-unfinished-uploads/);
    expect(template.Resources['Bucket']?.DeletionPolicy).toBe('Retain');
    expect(text).toContain('"Fn::Sub": "arn:aws:s3:::runctl-${AWS::AccountId}-us-east-1/PREFIX/runs/*"');
  });
});
