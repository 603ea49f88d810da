import type { PreflightFinding, Provider } from '@runctl/provider';
import { expect, test } from 'vitest';
import { commandWorld } from '../testing/command-world.ts';

const PROJECT = { 'train.py': 'print("hello")\n', 'requirements.txt': '' };

/** A world whose provider finds this about every place. */
async function worldThatFinds(...findings: readonly PreflightFinding[]) {
  const scope = await commandWorld(PROJECT);
  scope.world.beforeProvider = (provider): Provider =>
    Object.assign(provider, { preflight: { check: async () => findings } });
  return scope;
}

const closed = (locations: readonly string[] | null): PreflightFinding => ({
  verdict: 'problem',
  locations,
  text: `${locations?.join() ?? 'everything'} has no route out`,
  hint: 'name another one',
});
const unknown: PreflightFinding = { verdict: 'unknown', locations: null, text: 'nobody may look', hint: 'see docs' };
const open: PreflightFinding = { verdict: 'ok', locations: ['us-east-1a'], text: 'is open', hint: null };

test.each<[what: string, findings: readonly PreflightFinding[], text: string]>([
  [
    'both places',
    [closed(['us-east-1a']), closed(['us-east-1b'])],
    'us-east-1a has no route out; us-east-1b has no route out',
  ],
  ['all places at once', [closed(null)], 'everything has no route out'],
  [
    'both beside one that nobody could look at',
    [unknown, closed(['us-east-1a', 'us-east-1b'])],
    'us-east-1a,us-east-1b has no route out',
  ],
])(
  'a launch whose machines could reach nothing from %s is refused before anything is made',
  async (_what, findings, text) => {
    await using scope = await worldThatFinds(...findings);
    const result = await scope.world.run(['launch', 'train.py', '--yes']);
    expect(result).toMatchObject({ exitCode: 3, stdout: '' });
    expect(result.stderr).toBe(
      `error[config-invalid]: no machine could reach its bucket: ${text}\nhint: name another one\n`,
    );
    expect(await scope.world.keys()).toEqual([]);
    expect(scope.world.machines.capacities).toEqual([]);
  },
);

test('places whose machines could reach nothing are left out, and said to be', async () => {
  await using scope = await worldThatFinds(closed(['us-east-1a']), open);
  const result = await scope.world.run(['launch', 'train.py', '--yes', '--detach']);
  expect(result).toMatchObject({ exitCode: 0 });
  expect(result.stderr).toContain('note: us-east-1a has no route out, so nothing is launched there\n');
  const [capacity] = scope.world.machines.capacities;
  expect(new Set(capacity?.request.offers.map(({ location }) => location))).toEqual(new Set(['us-east-1b']));
});

test('what could not be looked at is said, and launched', async () => {
  await using scope = await worldThatFinds(unknown);
  const result = await scope.world.run(['launch', 'train.py', '--yes', '--detach', '--json']);
  expect(result).toMatchObject({ exitCode: 0, stderr: '' });
  const plan = JSON.parse(result.stdout.split('\n')[0] ?? '') as { notes: readonly string[] };
  expect(plan.notes).toContain('not known before the first machine runs: nobody may look (see docs)');
});

test('a resume says it too', async () => {
  await using scope = await worldThatFinds(unknown);
  const { world } = scope;
  await world.run(['launch', 'train.py', '--yes', '--detach', '--name', 'mine']);
  await (await world.newestRun()).outcome({ status: 'stopped' });
  await world.endsOutside((await world.newestRun()).run);
  const text = 'not known before the first machine runs: nobody may look (see docs)';
  const resumed = await world.run(['resume', 'mine', '--yes', '--detach', '--json']);
  expect(resumed).toMatchObject({ exitCode: 0 });
  expect(JSON.parse(resumed.stdout.split('\n')[0] ?? '')).toMatchObject({
    type: 'requested',
    warnings: expect.arrayContaining([text]) as string[],
  });
});
