import { systemClock } from '@runctl/core';
import { describe, expect, test } from 'vitest';
import type { AccountChange, AccountPreparation, PreparationWish } from '../../port/index.ts';
import { bucketAdministration } from '../api/bucket-administration.ts';
import { accountUnderTest } from '../testing/account-under-test.ts';

const wish: PreparationWish = { bucket: null, prefix: '', machineRole: 'trainer', settings: {} };

type UnderTest = Awaited<ReturnType<typeof accountUnderTest>>;

async function made(under: UnderTest, changes: Partial<PreparationWish> = {}) {
  const making = under.account.setup.make({ ...wish, ...changes });
  const done: AccountChange[] = [];
  for (;;) {
    const step = await making.next();
    if (step.done === true) return { done, after: step.value };
    done.push(step.value);
  }
}

async function removed({ account }: UnderTest, changes: Partial<PreparationWish> = {}): Promise<AccountChange[]> {
  const done: AccountChange[] = [];
  for await (const change of account.setup.remove({ ...wish, ...changes })) done.push(change);
  return done;
}

const BUCKET = 'runctl-123456789012-us-east-1';
const statesOf = ({ items }: AccountPreparation) => items.map(({ kind, name, state }) => `${kind} ${name}: ${state}`);
const changesOf = (changes: readonly AccountChange[]) => changes.map(({ kind, change }) => `${change} ${kind}`);

/** The bucket as S3 itself shows it. */
const bucketOf = ({ access }: UnderTest) => bucketAdministration(BUCKET, { access, clock: systemClock });

describe('an account made ready', () => {
  test('has everything after one pass, and a second one makes nothing', async () => {
    await using under = await accountUnderTest();
    under.region.compute.roles.forgetLinkedRoles();
    const before = await under.account.setup.look(wish);
    expect(statesOf(before)).toEqual([
      `bucket ${BUCKET}: missing`,
      'rule of the bucket abort unfinished uploads: missing',
      'role trainer: missing',
      'instance profile trainer: missing',
      'security group runctl: missing',
      'service-linked role AWSServiceRoleForEC2Spot: missing',
      'service-linked role AWSServiceRoleForEC2Fleet: missing',
    ]);
    expect(await bucketOf(under).location()).toBeNull();
    const { done, after } = await made(under);
    expect(changesOf(done)).toEqual([
      'made bucket',
      'made rule of the bucket',
      'made role',
      'made instance profile',
      'made security group',
      'made service-linked role',
      'made service-linked role',
      'waited instance profile',
    ]);
    expect(after.items.every(({ state }) => state === 'there')).toBe(true);
    const [group] = under.region.compute.groups.list().filter(({ name }) => name === 'runctl');
    expect(after.settings).toEqual({
      bucket: BUCKET,
      instance_profile: 'trainer',
      security_groups: [group?.id],
    });
    expect((await made(under)).done).toEqual([]);
  });

  test('gives the role its runs under the prefix and nothing else', async () => {
    await using under = await accountUnderTest();
    await made(under, { bucket: 'b-1', prefix: 'team/' });
    const role = under.region.compute.roles.role('trainer');
    expect(JSON.parse(role.trustPolicy)).toMatchObject({
      Statement: [{ Principal: { Service: 'ec2.amazonaws.com' }, Action: 'sts:AssumeRole' }],
    });
    const [policy = ''] = role.policies.values();
    expect([...policy.matchAll(/arn:aws:[^"]+/g)].map(([arn]) => arn)).toEqual([
      'arn:aws:s3:::b-1',
      'arn:aws:s3:::b-1/team/tools/*',
      'arn:aws:s3:::b-1/team/code/*',
      'arn:aws:s3:::b-1/team/runs/*',
      'arn:aws:ec2:*:123456789012:fleet/*',
    ]);
  });

  test("rights that are no longer as they should be are put right, and another prefix's stay", async () => {
    await using under = await accountUnderTest();
    await made(under, { bucket: 'b-1', prefix: 'team/' });
    const { policies } = under.region.compute.roles.role('trainer');
    const [name = ''] = policies.keys();
    const teams = policies.get(name) ?? '';
    const wanted = { ...wish, bucket: 'b-1', prefix: 'others/' };
    const plan = await under.account.setup.look(wanted);
    expect(plan.items.find(({ kind }) => kind === 'role')).toMatchObject({ state: 'differs', ours: true });
    expect(changesOf((await made(under, wanted)).done)).toEqual(['changed role']);
    expect([...policies.values()].map((text) => /b-1\/(\w+)\/runs/.exec(text)?.[1])).toEqual(['team', 'others']);
    policies.set(name, '{}');
    expect(changesOf((await made(under, wanted)).done)).toEqual([]);
    expect(changesOf((await made(under, { bucket: 'b-1', prefix: 'team/' })).done)).toEqual(['changed role']);
    expect(policies.get(name)).toBe(teams);
  });

  test('a role that has no room for more rights is said to be full', async () => {
    await using under = await accountUnderTest();
    const prefixes = Array.from({ length: 20 }, (_, index) => `${'long'.repeat(20)}-${index}/`);
    const making = async (): Promise<void> => {
      for (const prefix of prefixes) await made(under, { prefix });
    };
    await expect(making()).rejects.toMatchObject({
      code: 'config-invalid',
      message: expect.stringContaining('no room') as string,
    });
    expect(under.region.compute.roles.role('trainer').policies.size).toBeGreaterThan(5);
  });

  test('a bucket of ours is private and encrypted, and its rule aborts unfinished uploads', async () => {
    await using under = await accountUnderTest();
    await made(under);
    const bucket = bucketOf(under);
    const isPrivate = expect.stringMatching(/(<\w+>true<\/\w+>){4}/) as string;
    expect(await bucket.read('publicAccessBlock')).toEqual(isPrivate);
    expect(await bucket.read('encryption')).toContain('AES256');
    expect(await bucket.read('lifecycle')).toContain('<DaysAfterInitiation>3</DaysAfterInitiation>');
    expect(await bucket.read('tagging')).toContain('runctl:made-by');
    await bucket.clear('publicAccessBlock');
    expect(changesOf((await made(under)).done)).toEqual(['changed bucket']);
    expect(await bucket.read('publicAccessBlock')).toEqual(isPrivate);
  });

  test('a bucket that was there keeps its rules and its settings', async () => {
    await using under = await accountUnderTest();
    under.region.s3.ensureBucket(BUCKET);
    const own = '<Rule><ID>mine</ID><Filter/><Status>Enabled</Status><Expiration><Days>9</Days></Expiration></Rule>';
    const before = `<LifecycleConfiguration>${own}</LifecycleConfiguration>`;
    const bucket = bucketOf(under);
    await bucket.write('lifecycle', before);
    await bucket.clear('publicAccessBlock');
    expect(changesOf((await made(under)).done)[0]).toBe('made rule of the bucket');
    expect(await bucket.read('lifecycle')).toContain(own);
    expect(await bucket.read('tagging')).toBeNull();
    expect(await bucket.read('publicAccessBlock')).toBeNull();
    const undone = await removed(under);
    expect(undone.find(({ kind }) => kind === 'bucket')).toMatchObject({
      change: 'kept',
      note: 'runctl did not make it',
    });
    expect(await bucket.read('lifecycle')).toBe(before);
  });

  test.each(['PutPublicAccessBlock', 'PutBucketEncryption'])(
    'a bucket is known as ours when %s fails',
    async (denied) => {
      await using under = await accountUnderTest();
      const effect = { kind: 'status', status: 403, code: 'AccessDenied' } as const;
      under.region.s3.setFaults([{ match: { operations: [denied] }, effect }]);
      await expect(made(under)).rejects.toMatchObject({ code: 'access-denied' });
      under.region.s3.setFaults([]);
      expect(await bucketOf(under).read('tagging')).toContain('runctl:made-by');
      await bucketOf(under).clear('publicAccessBlock');
      expect(changesOf((await made(under)).done)[0]).toBe('changed bucket');
      expect(changesOf(await removed(under))).toContain('removed bucket');
    },
  );

  test("a rule is added in the older form beside rules that have it, and S3's no is said", async () => {
    await using under = await accountUnderTest();
    under.region.s3.ensureBucket(BUCKET);
    const bucket = bucketOf(under);
    const rules = (action: string): string =>
      `<LifecycleConfiguration><Rule><ID>mine</ID><Prefix>logs/</Prefix><Status>Enabled</Status>${action}</Rule></LifecycleConfiguration>`;
    await bucket.write('lifecycle', rules('<Expiration><Days>9</Days></Expiration>'));
    expect((await made(under)).after.items[1]).toMatchObject({ state: 'there', ours: true });
    const aborting = rules(
      '<AbortIncompleteMultipartUpload><DaysAfterInitiation>9</DaysAfterInitiation></AbortIncompleteMultipartUpload>',
    );
    await bucket.write('lifecycle', aborting);
    const { done, after } = await made(under);
    expect(done[0]).toMatchObject({ change: 'kept', note: expect.stringContaining('overlapping prefixes') as string });
    expect(after.items[1]).toMatchObject({ state: 'missing' });
    expect(await bucket.read('lifecycle')).toBe(aborting);
  });

  test('groups that the configuration names stay as they are, and no other is made', async () => {
    await using under = await accountUnderTest();
    const { groups } = under.region.compute;
    const { id } = groups.create('own', 'of the user', new Map());
    const settings = { securityGroups: [id] };
    const { done, after } = await made(under, { settings });
    expect(changesOf(done)).not.toContain('made security group');
    expect(after.settings).not.toHaveProperty('security_groups');
    expect(after.items.find(({ kind }) => kind === 'security group')).toMatchObject({
      state: 'left-out',
      note: `the configuration names ${id}`,
    });
    groups.create('runctl', 'made before', new Map([['runctl:made-by', 'init']]));
    expect((await under.account.setup.look({ ...wish, settings })).settings).not.toHaveProperty('security_groups');
  });

  test('a group that the configuration names and nobody has any more is made anew', async () => {
    await using under = await accountUnderTest();
    const { after: first } = await made(under);
    const securityGroups = first.settings['security_groups'] as string[];
    expect((await made(under, { settings: { securityGroups } })).done).toEqual([]);
    expect(changesOf(await removed(under, { settings: { securityGroups } }))).toContain('removed security group');
    const { done, after } = await made(under, { settings: { securityGroups } });
    expect(changesOf(done)).toContain('made security group');
    expect(after.settings['security_groups']).not.toEqual(securityGroups);
  });

  test('an interrupted pass is gone on with', async () => {
    await using under = await accountUnderTest();
    const making = under.account.setup.make(wish);
    for (let step = 0; step < 3; step++) await making.next();
    await making.return(undefined as never);
    expect(() => under.region.compute.roles.role('trainer')).not.toThrow();
    const { done, after } = await made(under);
    expect(changesOf(done)).toEqual(['made instance profile', 'made security group', 'waited instance profile']);
    expect(after.items.every(({ state }) => state === 'there')).toBe(true);
  });

  test('a profile that EC2 does not know yet is waited for', async () => {
    await using under = await accountUnderTest();
    under.region.compute.settings.setDelays({ profileDelayMs: 400 });
    const { done } = await made(under);
    expect(done.at(-1)).toMatchObject({
      change: 'waited',
      note: expect.stringMatching(/^EC2 knows it after/) as string,
    });
    expect(under.region.compute.roles.isUsable('trainer')).toBe(true);
  });

  test("a profile that can't be tried is given the usual time", async () => {
    await using under = await accountUnderTest();
    under.region.compute.settings.failNext('GetParameter', 'AccessDeniedException');
    const { done } = await made(under);
    expect(done.at(-1)).toMatchObject({
      change: 'waited',
      note: 'EC2 usually knows it after 10 s; it could not be tried',
    });
  });

  test.each(['UnauthorizedOperation', 'VcpuLimitExceeded', 'Unsupported', 'InvalidAMIID.NotFound'])(
    'a dry run that EC2 refuses with %s shows nothing of the profile',
    async (code) => {
      await using under = await accountUnderTest();
      under.region.compute.settings.failNext('RunInstances', code);
      expect((await made(under)).done.at(-1)).toMatchObject({
        change: 'waited',
        note: 'EC2 usually knows it after 10 s; it could not be tried',
      });
    },
  );

  test('without a default VPC the group is left out, and said', async () => {
    await using under = await accountUnderTest();
    under.region.compute.settings.setDefaultVpc(false);
    const { done, after } = await made(under);
    expect(changesOf(done)).not.toContain('made security group');
    expect(after.items.find(({ kind }) => kind === 'security group')).toMatchObject({ state: 'left-out' });
    expect(after.settings).not.toHaveProperty('security_groups');
  });

  test.each([
    ['a bucket of another account', { denied: 'GetBucketLocation' }, /of another account/],
    ['a profile by its ARN', { role: 'arn:aws:iam::1:instance-profile/x' }, /made by its name/],
  ] as const)('refuses %s before anything is made', async (_name, how, message) => {
    await using under = await accountUnderTest();
    if ('denied' in how) {
      const effect = { kind: 'status', status: 403, code: 'AccessDenied' } as const;
      under.region.s3.setFaults([{ match: { operations: [how.denied] }, effect }]);
    }
    const machineRole = 'role' in how ? how.role : 'trainer';
    await expect(made(under, { machineRole })).rejects.toMatchObject({
      code: 'config-invalid',
      message: expect.stringMatching(message) as string,
    });
    under.region.s3.setFaults([]);
    expect(await bucketOf(under).location()).toBeNull();
  });
});

describe('taking it back', () => {
  test('removes what is ours and leaves no trace', async () => {
    await using under = await accountUnderTest();
    await made(under);
    expect(changesOf(await removed(under))).toEqual([
      'kept service-linked role',
      'kept service-linked role',
      'removed security group',
      'removed instance profile',
      'removed role',
      'removed bucket',
    ]);
    expect(await bucketOf(under).location()).toBeNull();
    expect(() => under.region.compute.roles.role('trainer')).toThrow('cannot be found');
    expect(() => under.region.compute.roles.profile('trainer')).toThrow('cannot be found');
    expect(under.region.compute.groups.list().map(({ name }) => name)).toEqual(['default']);
    expect(changesOf(await removed(under))).toEqual(['kept service-linked role', 'kept service-linked role']);
  });

  test('keeps what others made, whatever its name', async () => {
    await using under = await accountUnderTest();
    under.region.s3.ensureBucket(BUCKET);
    const { roles, groups } = under.region.compute;
    roles.createRole({ name: 'trainer', trustPolicy: '{}', description: null, tags: new Map() });
    roles.addRole(roles.createProfile('trainer', new Map()), roles.role('trainer'));
    groups.create('runctl', 'of others', new Map([['runctl:made-by', 'somebody']]));
    expect((await removed(under)).map(({ change }) => change)).not.toContain('removed');
    expect(() => roles.profile('trainer')).not.toThrow();
    expect(groups.list()).toHaveLength(2);
    expect(await bucketOf(under).location()).toBe('us-east-1');
  });

  test('leaves role, profile and group to another prefix, and takes its own rights alone', async () => {
    await using under = await accountUnderTest();
    await made(under, { prefix: 'team/' });
    await made(under);
    const plan = await under.account.setup.look(wish);
    expect(plan.items.find(({ kind }) => kind === 'role')?.note).toContain('keeps it');
    const undone = await removed(under);
    expect(changesOf(undone.filter(({ kind }) => kind !== 'service-linked role'))).toEqual([
      'kept security group',
      'kept instance profile',
      'changed role',
      'kept bucket',
      'kept rule of the bucket',
    ]);
    const { roles } = under.region.compute;
    expect([...roles.role('trainer').policies.values()]).toEqual([expect.stringContaining('team/runs/*')]);
    expect(roles.profile('trainer').role).toBe(roles.role('trainer'));
    expect(changesOf(await removed(under))).not.toContain('changed role');
    expect(changesOf(await removed(under, { prefix: 'team/' }))).toContain('removed role');
    expect(await bucketOf(under).location()).toBeNull();
  });

  test.each([
    ['another region', 'runctl_eu-west-1_runctl-123456789012-eu-west-1_0123456789', 'removed', 'removed'],
    ['another bucket of the region', 'runctl_us-east-1_other_0123456789', 'kept', 'removed'],
    ['another prefix of the bucket', `runctl_us-east-1_${BUCKET}_0123456789`, 'kept', 'kept'],
    ['a bucket whose name goes on', `runctl_us-east-1_${BUCKET}-2_0123456789`, 'kept', 'removed'],
    ['a region whose name goes on', 'runctl_us-east-12_other_0123456789', 'removed', 'removed'],
    ['somebody who wrote one by hand', 'by-hand', 'removed', 'removed'],
  ])('leaves the role to %s', async (_name, policy, group, bucket) => {
    await using under = await accountUnderTest();
    await made(under);
    const { roles } = under.region.compute;
    roles.putPolicy(roles.role('trainer'), policy, '{}');
    const undone = await removed(under);
    const changeOf = (kind: string) => undone.find((each) => each.kind === kind)?.change;
    expect([changeOf('security group'), changeOf('bucket')]).toEqual([group, bucket]);
    expect(undone.find(({ kind }) => kind === 'role')).toMatchObject({
      change: 'changed',
      note: expect.stringContaining(policy) as string,
    });
    expect([...roles.role('trainer').policies.keys()]).toEqual([policy]);
    expect(roles.profile('trainer').role).toBe(roles.role('trainer'));
  });

  test('keeps a bucket with something in it, and its rule', async () => {
    await using under = await accountUnderTest();
    await made(under);
    await put(under, 'runs/r-1/spec.json');
    const undone = await removed(under);
    expect(undone.slice(-2)).toMatchObject([
      { kind: 'bucket', change: 'kept', note: expect.stringContaining('not empty') as string },
      { kind: 'rule of the bucket', change: 'kept' },
    ]);
    expect(await bucketOf(under).read('lifecycle')).toContain('runctl-abort');
  });

  test('says what was added to the role and keeps it', async () => {
    await using under = await accountUnderTest();
    await made(under);
    under.region.compute.roles.role('trainer').attached.add('arn:aws:iam::aws:policy/Extra');
    const undone = await removed(under);
    expect(undone.find(({ kind }) => kind === 'role')).toMatchObject({
      change: 'kept',
      note: expect.stringContaining('must detach all policies first') as string,
    });
  });
});

/** Puts an object into the bucket, signed as any client does. */
async function put({ region }: UnderTest, key: string): Promise<void> {
  const { RequestSigner, sha256Hex } = await import('@runctl/aws-wire');
  const { hostname, port } = new URL(region.endpoint);
  const signer = new RequestSigner({ service: 's3', region: 'us-east-1', clock: { wallMs: () => Date.now() } });
  const request = { method: 'PUT', hostname, port: Number(port), path: `/${BUCKET}/${key}`, query: {} };
  const headers = signer.sign(
    { ...request, headers: {}, payloadHash: sha256Hex('x') },
    region.compute.credentials.userKey,
  );
  const answer = await fetch(`${region.endpoint}${request.path}`, { method: 'PUT', headers, body: 'x' });
  expect(answer.status).toBe(200);
}
