import { readFile } from 'node:fs/promises';
import { globSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ObjectStore } from '@runctl/store';
import { describe, expect, test } from 'vitest';

const repository = fileURLToPath(new URL('../../..', import.meta.url));

/** What S3 asks for each of the store's methods (Service Authorization Reference; multipart: S3 User Guide, "mpuAndPermissions"). */
const S3_RIGHTS: Readonly<Record<Exclude<keyof ObjectStore, 'location'>, readonly string[]>> = {
  put: ['s3:PutObject'],
  get: ['s3:GetObject'],
  head: ['s3:GetObject'],
  list: ['s3:ListBucket'],
  listFolders: ['s3:ListBucket'],
  delete: ['s3:DeleteObject'],
  copy: ['s3:GetObject', 's3:PutObject'],
  createMultipart: ['s3:PutObject'],
  uploadPart: ['s3:PutObject'],
  copyPart: ['s3:GetObject', 's3:PutObject'],
  completeMultipart: ['s3:PutObject'],
  abortMultipart: ['s3:AbortMultipartUpload'],
  listParts: ['s3:ListMultipartUploadParts'],
  listMultipart: ['s3:ListBucketMultipartUploads'],
};
const BUCKET_RIGHTS = [...new Set(Object.values(S3_RIGHTS).flat())];

/** The code that alone makes an account ready, with rights of its own. */
const SETUP = 'packages/provider/src/aws/preparation';

/** What the setup asks for through code that others share, and what AWS asks for in its name: tags, the role that is passed. */
const IMPLIED_BY_SETUP = [
  'ec2:CreateTags',
  'ec2:DescribeFleets',
  'ec2:DescribeImages',
  'ec2:DescribeInstanceTypes',
  'ec2:DescribeInstances',
  'iam:PassRole',
  'iam:TagInstanceProfile',
  'iam:TagRole',
  's3:CreateBucket',
  's3:DeleteBucket',
  's3:GetBucketLocation',
  'ssm:GetParameter',
  'sts:GetCallerIdentity',
];

/** EC2 asks for these in the name of whoever creates a fleet that launches tagged machines with a role. */
const IMPLIED_BY_CREATE_FLEET = ['ec2:RunInstances', 'ec2:CreateTags', 'iam:PassRole'];

describe('docs/aws-account.md grants what the code calls, and no more', () => {
  test('to the user of the laptop', async () => {
    const called = await calledIn(['controller/src', 'packages/{provider,store,checkpoint,workspace}/src'], [SETUP]);
    const decoder = await readFile(join(repository, 'packages/provider/src/aws/api/encoded-refusal.ts'), 'utf8');
    const past = [...decoder.matchAll(/\baction: '(\w+)'/g)].map((match) => `sts:${match[1]}`);
    expect(past).toEqual(['sts:DecodeAuthorizationMessage']);
    const [, user] = await documentedPolicies();
    const all = new Set([...called, ...past, ...IMPLIED_BY_CREATE_FLEET, ...BUCKET_RIGHTS]);
    expect(user).toEqual([...all].toSorted());
  });

  test('to who makes the account ready', async () => {
    const called = await calledIn([SETUP]);
    const [, , setup] = await documentedPolicies();
    expect(setup).toEqual([...new Set([...called, ...IMPLIED_BY_SETUP])].toSorted());
  });

  test("to the instance's role", async () => {
    const agents = 'agent/src/**/*.ts';
    for (const path of sources([agents])) expect(await readFile(path, 'utf8'), path).not.toContain('@aws-sdk/client-');
    const ender = await readFile(join(repository, 'agent/src/host/ec2/fleet-ender.ts'), 'utf8');
    const called = [...ender.matchAll(/\baction: '(\w+)'/g)].map((match) => `ec2:${match[1]}`);
    expect(called).toContain('ec2:DeleteFleets');
    const [instance] = await documentedPolicies();
    expect(instance).toEqual([...new Set([...called, ...BUCKET_RIGHTS])].toSorted());
  });
});

/** The actions of each policy on the page, in order of the policies. */
async function documentedPolicies(): Promise<string[][]> {
  const page = await readFile(join(repository, 'docs/aws-account.md'), 'utf8');
  return [...page.matchAll(/^```json\n(.*?)^```/gms)].map(([, text = '']) => {
    const policy = JSON.parse(text) as { Statement: Array<{ Action: string | string[] }> };
    return [...new Set(policy.Statement.flatMap(({ Action }) => Action))].toSorted();
  });
}

/** Names in rights of the services that are called without the SDK, by their names in the code. */
const WIRE_SERVICES: Readonly<Record<string, string>> = {
  iam: 'iam',
  sts: 'sts',
  quotas: 'servicequotas',
  pricing: 'pricing',
};

/** Rights on a bucket's settings that differ from the setting's name (Service Authorization Reference, S3). */
const SETTING_RIGHTS: Readonly<Record<string, string>> = {
  lifecycle: 'LifecycleConfiguration',
  publicAccessBlock: 'BucketPublicAccessBlock',
  encryption: 'EncryptionConfiguration',
  tagging: 'BucketTagging',
};

/** Actions whose commands or paginators are imported from the SDK's clients, and those called on the wire. */
async function calledIn(folders: readonly string[], exclude: readonly string[] = []): Promise<string[]> {
  const actions: string[] = [];
  for (const path of sources(
    folders.map((folder) => `${folder}/**/*.ts`),
    exclude,
  )) {
    const text = await readFile(path, 'utf8');
    for (const [, service = '', action] of text.matchAll(/\b(iam|sts|quotas|pricing)\s*\.call\(\s*'(\w+)'/g))
      actions.push(`${WIRE_SERVICES[service]}:${action}`);
    for (const [, verb, setting = ''] of text.matchAll(/\.(read|write|clear)\('(\w+)'/g))
      if (SETTING_RIGHTS[setting] !== undefined)
        actions.push(`s3:${verb === 'read' ? 'Get' : 'Put'}${SETTING_RIGHTS[setting]}`);
    // Only what is imported by name can be found here.
    expect(text, path).not.toMatch(/import\('@aws-sdk\/client-|import \* as \w+ from '@aws-sdk\/client-/);
    for (const [, names = '', client = ''] of text.matchAll(/import \{([^}]*)\} from '@aws-sdk\/client-([\w-]+)'/g))
      for (const name of names.split(',').map((each) => each.trim()))
        if (/^(\w+Command|paginate\w+)$/.test(name))
          actions.push(`${client}:${name.replace(/^paginate|Command$/g, '')}`);
  }
  return actions;
}

function sources(patterns: readonly string[], excluded: readonly string[] = []): string[] {
  const found = globSync([...patterns], {
    cwd: repository,
    exclude: ['**/*.test.ts', '**/testing/**', '**/fixtures/**', ...excluded.map((folder) => `${folder}/**`)],
  });
  expect(found.length).toBeGreaterThan(5);
  return found.map((path) => join(repository, path));
}
