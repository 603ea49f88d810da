import { describe, expect, test } from 'vitest';
import type { AccountFinding, ExaminedAccount, Offer } from '../../port/index.ts';
import { accountUnderTest } from '../testing/account-under-test.ts';
import { judgeDryRun } from './dry-runs.ts';

const wish: ExaminedAccount = {
  bucket: 'training',
  prefix: '',
  machineTypes: ['g5.xlarge', 'g4dn.xlarge'],
  market: 'spot',
  architecture: 'x64',
  settings: { instanceProfile: 'runctl-instance' },
  image: null,
  rootDiskGiB: null,
};

type UnderTest = Awaited<ReturnType<typeof accountUnderTest>>;

async function examined({ account }: UnderTest, changes: Partial<ExaminedAccount> = {}) {
  const findings: AccountFinding[] = [];
  for await (const finding of account.examine({ ...wish, ...changes })) findings.push(finding);
  return findings;
}

const statesOf = (findings: readonly AccountFinding[]) =>
  Object.fromEntries(findings.map(({ subject, state }) => [subject, state]));

async function madeReady(): Promise<UnderTest> {
  const under = await accountUnderTest();
  const { setup } = under.account;
  const making = setup.make({ bucket: 'training', prefix: '', machineRole: null, settings: {} });
  while ((await making.next()).done !== true);
  return under;
}

describe('an examination of an account', () => {
  test('finds nothing wrong with one that was made ready', async () => {
    await using under = await madeReady();
    const findings = await examined(under);
    expect(statesOf(findings)).toEqual({
      credentials: 'ok',
      network: 'ok',
      'machine types': 'ok',
      image: 'ok',
      'unfinished uploads': 'ok',
      'instance profile': 'ok',
      'service-linked role AWSServiceRoleForEC2Spot': 'ok',
      'service-linked role AWSServiceRoleForEC2Fleet': 'ok',
      'right to RunInstances': 'ok',
      'right to CreateLaunchTemplate': 'ok',
      'right to CreateFleet': 'unknown',
      'right to DeleteFleets': 'ok',
      'quota of g4dn.xlarge, g5.xlarge, spot': 'ok',
      'quota of g4dn.xlarge, g5.xlarge, on-demand': 'ok',
    });
    expect(findings[0]?.text).toBe('arn:aws:iam::123456789012:user/sandbox, account 123456789012; they do not expire');
    expect(under.region.compute.fleets.list()).toEqual([]);
    expect(under.region.compute.instances.list()).toEqual([]);
    expect(under.region.compute.templates.list()).toEqual([]);
  });

  test('says each thing that is missing, with its fix and its code', async () => {
    await using under = await accountUnderTest();
    const { roles, quotas } = under.region.compute;
    roles.forgetLinkedRoles();
    quotas.set({ code: 'L-3819A6DF', name: 'All G and VT Spot Instance Requests', value: 0 });
    quotas.set({ code: 'L-DB2E81BA', name: 'Running On-Demand G and VT instances', value: 0 });
    const findings = await examined(under, { settings: { instanceProfile: 'runctl-instanc' } });
    const problems = findings.filter(({ state }) => state === 'problem');
    expect(problems.map(({ subject, errorCode }) => [subject, errorCode])).toEqual([
      // There is no bucket at all.
      ['instance profile', 'config-invalid'],
      ['service-linked role AWSServiceRoleForEC2Spot', 'config-missing'],
      ['service-linked role AWSServiceRoleForEC2Fleet', 'config-missing'],
      ['quota of g4dn.xlarge, g5.xlarge, spot', 'quota-exceeded'],
    ]);
    expect(problems.every(({ fix }) => fix !== null)).toBe(true);
    expect(problems.at(-1)).toMatchObject({
      text: '"All G and VT Spot Instance Requests" (L-3819A6DF) is 0 in this region',
      fix: expect.stringContaining('--quota-code L-3819A6DF --desired-value 8') as string,
    });
    // The other market stops no launch.
    expect(findings.at(-1)).toMatchObject({
      state: 'unknown',
      errorCode: null,
      text: expect.stringMatching(/is 0 .*only a change of market/) as string,
    });
  });

  test('takes a missing right and a service that does not answer for unknown, not for a problem', async () => {
    await using under = await madeReady();
    const { settings } = under.region.compute;
    settings.failNext('GetInstanceProfile', 'AccessDenied', { message: 'User: x is not authorized' });
    settings.failNext('GetRole', 'AccessDenied', { times: 2 });
    settings.failNext('ListServiceQuotas', 'AccessDeniedException', { times: 2 });
    const findings = await examined(under);
    expect(findings.filter(({ state }) => state === 'problem')).toEqual([]);
    const open = findings.filter(({ state, subject }) => state === 'unknown' && !subject.startsWith('right'));
    expect(open.map(({ subject }) => subject)).toEqual(['instance profile', 'service-linked roles', 'quotas']);
    expect(open[0]?.text).toContain('not allowed to look: User: x is not authorized');
    expect(open[0]?.fix).toContain('docs/aws-account.md');
  });

  test('a right that is refused is a problem with the right by name', async () => {
    await using under = await madeReady();
    under.region.compute.settings.failNext('RunInstances', 'UnauthorizedOperation', { message: 'not authorized' });
    const [refused] = (await examined(under)).filter(({ state }) => state === 'problem');
    expect(refused).toMatchObject({ subject: 'right to RunInstances', errorCode: 'access-denied' });
    expect(refused?.fix).toContain('grant ec2:RunInstances');
  });

  test.each([
    ['InvalidClientTokenId', 'no-credentials', /aws account enable-region --region-name us-east-1/],
    ['ExpiredToken', 'credentials-expired', /log in again/],
    ['SignatureDoesNotMatch', 'no-credentials', /log in/],
    ['InternalFailure', 'cloud-unreachable', /check the network, the region \(us-east-1\)/],
  ])('ends where nobody knows who asks: %s', async (refusal, errorCode, fix) => {
    await using under = await accountUnderTest();
    under.region.compute.settings.failNext('GetCallerIdentity', refusal, { times: 4 });
    const findings = await examined(under);
    expect(findings).toMatchObject([{ subject: 'credentials', state: 'problem', errorCode }]);
    expect(findings[0]?.fix).toMatch(fix);
  });

  test.each([
    [5, 'problem', /expire in 5m|expire in 4m/],
    [90, 'ok', /they expire in 1h/],
  ])('keys that expire in %i minutes: %s', async (minutes, state, text) => {
    await using under = await accountUnderTest({ expiration: new Date(Date.now() + minutes * 60_000) });
    const [credentials] = await examined(under);
    expect(credentials).toMatchObject({ subject: 'credentials', state, text: expect.stringMatching(text) as string });
  });

  test('without a default VPC says so once, and looks at what does not need it', async () => {
    await using under = await madeReady();
    under.region.compute.settings.setDefaultVpc(false);
    const states = statesOf(await examined(under));
    expect(states).toMatchObject({
      network: 'problem',
      'machine types': 'problem',
      image: 'unknown',
      rights: 'unknown',
      quotas: 'unknown',
      'instance profile': 'ok',
    });
  });
});

describe('what a launch looks at', () => {
  const offer = (machineType: string): Offer => ({
    machineType,
    location: 'us-east-1a',
    market: 'spot',
    pricePerHourUsd: 1,
  });

  test('one quota that allows a machine is enough', async () => {
    await using under = await accountUnderTest();
    const { quotas } = under.region.compute;
    quotas.set({ code: 'L-3819A6DF', name: 'All G and VT Spot Instance Requests', value: 3 });
    const both = await under.account.examineLaunch(wish, [offer('g5.xlarge'), offer('m7i.large')]);
    expect(both.filter(({ state }) => state === 'problem')).toEqual([]);
    expect(both.find(({ subject }) => subject === 'quota of g5.xlarge, spot')).toMatchObject({
      state: 'unknown',
      errorCode: null,
      text: expect.stringMatching(/is 3 vCPUs, and the smallest .*; the launch uses the other types alone$/) as string,
    });
    const [problem] = (await under.account.examineLaunch(wish, [offer('g5.xlarge')])).filter(
      ({ state }) => state === 'problem',
    );
    expect(problem).toMatchObject({
      errorCode: 'quota-exceeded',
      text: expect.stringContaining('is 3 vCPUs, and the smallest of them has 4') as string,
    });
  });
});

const refusal = (name: string): Error => Object.assign(new Error('a reason'), { name });

test.each([
  ['CreateFleet', refusal('DryRunOperation'), 'ok'],
  ['CreateFleet', refusal('UnauthorizedOperation'), 'problem'],
  ['DeleteFleets', refusal('UnauthorizedOperation'), 'unknown'],
  ['CreateFleet', refusal('InvalidLaunchTemplateId.NotFound'), 'unknown'],
  ['RunInstances', refusal('InvalidParameterValue'), 'unknown'],
  ['RunInstances', refusal('InsufficientInstanceCapacity'), 'unknown'],
  ['RunInstances', refusal('RequestLimitExceeded'), 'unknown'],
  ['DeleteFleets', null, 'unknown'],
  ['RunInstances', refusal('VcpuLimitExceeded'), 'unknown'],
  ['RunInstances', Object.assign(new Error('gone'), { code: 'ECONNRESET' }), 'unknown'],
])('a dry run of %s that is answered %s is %s', (action, error, state) => {
  expect(judgeDryRun(action, error).state).toBe(state);
});
