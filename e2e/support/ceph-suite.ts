import { ListBucketsCommand, S3Client } from '@aws-sdk/client-s3';
import { execa } from 'execa';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { repository } from './runctl.ts';
import type { World } from './world.ts';

/** A line of FAKES.md: tests of Ceph's suite that fail at our S3, and why they may. */
export interface KnownFailures {
  readonly tests: readonly string[];
  readonly reason: string;
}

export async function knownFailures(): Promise<readonly KnownFailures[]> {
  const page = await readFile(join(repository, 'packages/sandbox/FAKES.md'), 'utf8');
  const section = page.split('### Ceph').at(1)?.split('\n### ').at(0) ?? '';
  return [...section.matchAll(/^\| (.*?) *\| (.*?) *\|$/gm)]
    .map(([, tests = '', reason = '']) => ({ tests: tests.split(/, */), reason }))
    .filter(({ tests: [first = ''] }) => first !== 'Tests' && !/^-+$/.test(first))
    .map(({ tests, reason }) => ({ tests: tests.map((name) => name.replaceAll('`', '')), reason }));
}

/** Marks of the suite, for what our S3 does not claim to have. */
const MARKS = `abac_test appendobject auth_aws2 bucket_encryption bucket_logging bucket_logging_cleanup bucket_policy cloud_restore
  cloud_transition encryption group group_policy iam_account iam_role iam_tenant iam_user lifecycle lifecycle_expiration
  lifecycle_transition object_lock object_ownership role_policy s3select s3website s3website_redirect_location
  s3website_routing_rules session_policy sns sse_s3 storage_class test_of_sts user_policy webidentity_test`;

/** Words in names of tests, for the same: some bear no mark. */
const WORDS = `acl anon anonymous cors encryp grant legal_hold lifecycle lock logging policy post_ post_object public_block retention
  sse website`;

const noneOf = (words: string): string => `not (${words.split(/\s+/).join(' or ')})`;

/** Runs the suite at the local cloud of a world; the names of all its tests that ran, and of those that failed. */
export async function runCephSuite(
  world: World,
  { checkout, python }: { readonly checkout: string; readonly python: string },
): Promise<{ readonly ran: readonly string[]; readonly failed: readonly string[] }> {
  const config = join(world.folder, 's3tests.conf');
  await writeFile(config, configuration(world.region, await ownerAt(world.region)));
  const files = ['test_s3.py', 'test_headers.py'].map((name) => join('s3tests/functional', name));
  const options = ['-m', noneOf(MARKS), '-k', noneOf(WORDS), '-q', '--tb=no', '-rA', '-p', 'no:cacheprovider'];
  const { stdout } = await execa(python, ['-m', 'pytest', ...options, ...files], {
    cwd: checkout,
    env: { S3TEST_CONF: config, PYTHONDONTWRITEBYTECODE: '1' },
    reject: false,
  });
  const named = (word: string): string[] =>
    [...stdout.matchAll(new RegExp(`^${word} \\S+::(\\w+)`, 'gm'))].map(([, name = '']) => name);
  const failed = [...named('FAILED'), ...named('ERROR')];
  return { ran: [...named('PASSED'), ...failed], failed };
}

async function ownerAt({ endpoint, region, accessKeyId, secretAccessKey }: World['region']): Promise<string> {
  const credentials = { accessKeyId, secretAccessKey };
  const client = new S3Client({ endpoint, region, credentials, forcePathStyle: true });
  const { Owner } = await client.send(new ListBucketsCommand({}));
  client.destroy();
  return Owner?.ID ?? '';
}

/** The suite wants several users; there is one account here, so each is that one. */
function configuration(region: World['region'], owner: string): string {
  const { hostname, port } = new URL(region.endpoint);
  const user = [
    `access_key = ${region.accessKeyId}`,
    `secret_key = ${region.secretAccessKey}`,
    `user_id = ${owner}`,
    'display_name = runctl-sandbox',
    'email = nobody@example.com',
    `api_name = ${region.region}`,
    'tenant = none',
  ].join('\n');
  const users = ['s3 main', 's3 alt', 's3 tenant', 'iam', 'iam root', 'iam alt root'];
  return `[DEFAULT]
host = ${hostname}
port = ${port}
is_secure = False
ssl_verify = False
[fixtures]
bucket prefix = ceph-{random}-
iam name prefix = s3-tests-
iam path prefix = /s3-tests/
${users.map((name) => `[${name}]\n${user}\n`).join('')}`;
}
