import type { AccountFinding } from '@runctl/provider';
import { expect, test } from 'vitest';
import { commandWorld } from '../testing/command-world.ts';
import { MemoryAccount } from '../testing/memory-account.ts';

const finding = (subject: string, text: string, state: AccountFinding['state'] = 'ok'): AccountFinding => ({
  subject,
  state,
  text,
  fix: null,
  errorCode: state === 'problem' ? 'quota-exceeded' : null,
});

const G_QUOTA = finding('quota of g5.xlarge, spot', '8 vCPUs, "All G and VT Spot Instance Requests" (L-3819A6DF)');

test.each<[string, AccountFinding[], string[]]>([
  ['one that allows a machine', [G_QUOTA], [`g5.xlarge, spot: ${G_QUOTA.text}`]],
  [
    'one that nobody may read',
    [finding('quotas', 'not allowed to look', 'unknown')],
    ['not known: not allowed to look'],
  ],
  [
    'two, one of them not found',
    [G_QUOTA, finding('quota of x9.large, spot', 'none is known to be theirs', 'unknown')],
    [`g5.xlarge, spot: ${G_QUOTA.text}`, 'x9.large, spot: none is known to be theirs'],
  ],
  ['none among other findings', [finding('instance profile', 'runctl-instance')], []],
])('a plan tells the quota: %s', async (_what, findings, quotas) => {
  await using scope = await commandWorld({ 'requirements.txt': '', 'train.py': 'print("hello")\n' });
  const { world } = scope;
  const account = new MemoryAccount();
  account.findings = findings;
  world.beforeProvider = (provider) => Object.assign(provider, { account });
  const { stdout } = await world.run(['launch', 'train.py', '--dry-run', '--json']);
  expect(JSON.parse(stdout)).toMatchObject({ quotas });
  const { stderr } = await world.run(['launch', 'train.py', '--dry-run']);
  expect([...stderr.matchAll(/^ {2}quota {9}(.*)$/gm)].map(([, text]) => text)).toEqual(quotas);
});
