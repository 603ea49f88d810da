import { execa } from 'execa';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { temporaryFolder } from '@runctl/testkit';
import { expect, test } from 'vitest';
import { runctl } from '../support/runctl.ts';

const python = process.env['RUNCTL_BOTO3_PYTHON'];

/** Notes who signed each request, for which service and region. Its bucket is empty; anything else is refused. */
class Recorder implements AsyncDisposable {
  readonly signers = new Map<string, string>();
  readonly #server = createServer((request, response) => {
    const scope = /Credential=([^/]+)\/\d+\/([^/]+)\/(\w+)\//.exec(request.headers.authorization ?? '');
    if (scope !== null) this.signers.set(String(scope[3]), `${scope[1]} in ${scope[2]}`);
    const isListed = scope?.[3] === 's3';
    response
      .writeHead(isListed ? 200 : 403, { 'content-type': 'application/xml' })
      .end(isListed ? '<ListBucketResult/>' : REFUSAL);
  });

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => {
      this.#server.listen(0, '127.0.0.1', resolve);
    });
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => {
      this.#server.close(resolve);
    });
  }
}

const REFUSAL = '<Response><Errors><Error><Code>UnauthorizedOperation</Code></Error></Errors></Response>';
const keys = { AWS_ACCESS_KEY_ID: 'AKIAENVIRONMENT', AWS_SECRET_ACCESS_KEY: 'secret' };

/** The identity that the order of AWS's own tools gives. */
const situations: ReadonlyArray<[what: string, env: Record<string, string>, profile: string | null, who: string]> = [
  ['keys in the environment', keys, null, 'AKIAENVIRONMENT in us-west-1'],
  ['nothing but the files', {}, null, 'AKIADEFAULT in us-west-1'],
  ['AWS_PROFILE', { AWS_PROFILE: 'team' }, null, 'AKIATEAM in eu-west-3'],
  ['AWS_PROFILE beside keys', { ...keys, AWS_PROFILE: 'team' }, null, 'AKIAENVIRONMENT in eu-west-3'],
  ['a profile that was asked for, beside keys', keys, 'team', 'AKIATEAM in eu-west-3'],
  [
    'a region beside AWS_PROFILE',
    { AWS_PROFILE: 'team', AWS_DEFAULT_REGION: 'eu-west-1' },
    null,
    'AKIATEAM in eu-west-1',
  ],
];

const ASK = `
import boto3, sys
session = boto3.Session(profile_name=sys.argv[1] or None)
print(session.get_credentials().access_key, "in", session.region_name)
`;

test.each(situations)(
  '%s: S3 and EC2 are asked as the same one, whom boto3 would take',
  async (_, given, profile, who) => {
    await using folder = await temporaryFolder('aws-identity');
    await using recorder = new Recorder();
    await mkdir(join(folder.path, '.aws'));
    await mkdir(join(folder.path, 'project'));
    await writeFile(join(folder.path, 'project', 'train.py'), 'print(1)\n');
    await writeFile(
      join(folder.path, '.aws', 'config'),
      '[default]\nregion = us-west-1\n[profile team]\nregion = eu-west-3\n',
    );
    await writeFile(
      join(folder.path, '.aws', 'credentials'),
      ['default', 'team']
        .map((name) => `[${name}]\naws_access_key_id = AKIA${name.toUpperCase()}\naws_secret_access_key = secret\n`)
        .join(''),
    );
    const env = {
      PATH: process.env['PATH'] ?? '/usr/bin:/bin',
      HOME: folder.path,
      AWS_ENDPOINT_URL: await recorder.listen(),
      AWS_EC2_METADATA_DISABLED: 'true',
      ...given,
    };
    const options = [
      '--bucket',
      'some-bucket',
      '--instance-profile',
      'p',
      ...(profile === null ? [] : ['--profile', profile]),
    ];
    const finished = await runctl(['launch', join(folder.path, 'project', 'train.py'), '--dry-run', ...options], {
      env,
    });
    expect(finished, finished.stderr).toMatchObject({ exitCode: 12 });
    expect(Object.fromEntries(recorder.signers)).toMatchObject({ s3: who, ec2: who });
    if (python === undefined) return;
    const boto3 = await execa(python, ['-c', ASK, profile ?? ''], { env, extendEnv: false });
    expect(boto3.stdout).toBe(who);
  },
);
