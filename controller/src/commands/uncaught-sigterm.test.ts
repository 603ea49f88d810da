import type { AttemptStatus } from '@runctl/protocol';
import { expect, test } from 'vitest';
import { commandWorld, type CommandWorld } from '../testing/command-world.ts';

const PROJECT = { '.runctl.toml': '', 'train.py': 'print("hello")\n', 'other.py': 'print("hello")\n' };
const LOST = 'an interruption loses everything since the last save';

const workload = (catchesTerm: boolean | null, ignoresTerm = false): NonNullable<AttemptStatus['workload']> => ({
  catchesTerm,
  ignoresTerm,
  containment: 'best-effort',
  program: '/usr/bin/python3',
  reason: null,
});

/** A run of train.py that has ended, and of whose workload it was seen whether it caught SIGTERM. */
async function endedRun(world: CommandWorld, name: string, catchesTerm: boolean | null): Promise<string> {
  const flags = ['--name', name, '--yes', '--detach', '--json'];
  const { stdout } = await world.run(['launch', 'train.py', ...flags]);
  expect(stdout).toContain('"type":"detached"');
  const run = await world.newestRun();
  await run.started(1);
  await run.heartbeat(1, { workload: workload(catchesTerm) });
  await run.ended(1);
  await run.outcome({ status: 'stopped' });
  await world.endsOutside(run.run);
  await world.clock.advance(60_000);
  return run.run;
}

const planOf = async (world: CommandWorld, script = 'train.py'): Promise<string> =>
  (await world.run(['launch', script, '--dry-run'])).stderr;

test('a plan says that nothing caught SIGTERM in the last run of the same script', async () => {
  await using scope = await commandWorld(PROJECT);
  const { world } = scope;
  await endedRun(world, 'first', false);
  expect(await planOf(world)).toContain(
    `note: nothing caught SIGTERM in <run>, your last run of this script: ${LOST}\n`,
  );
  const { stdout } = await world.run(['launch', 'train.py', '--dry-run', '--json']);
  expect(JSON.parse(stdout)).toMatchObject({ notes: [expect.stringContaining('nothing caught SIGTERM in <run>')] });
  expect(await planOf(world, 'other.py')).not.toContain('SIGTERM in');
});

test.each([
  ['the newest of two caught it', [false, true], false],
  ['the newest of two did not', [true, false], true],
  ['nothing tells', [null], false],
  ['nothing tells of the newest', [false, null], false],
] as const)('the last run alone counts: %s', async (_what, caught, isSaid) => {
  await using scope = await commandWorld(PROJECT);
  const { world } = scope;
  for (const [at, each] of caught.entries()) await endedRun(world, `run-${at}`, each);
  expect((await planOf(world)).includes('nothing caught SIGTERM')).toBe(isSaid);
});

test('a run of a script of the same name in another project counts for nothing', async () => {
  await using scope = await commandWorld(PROJECT);
  const { world } = scope;
  await endedRun(world, 'first', false);
  await using elsewhere = await commandWorld({ 'deeper/.runctl.toml': '', 'deeper/train.py': '' });
  const folder = `${elsewhere.world.folder}/deeper`;
  world.folder = folder;
  expect(await planOf(world)).not.toContain('nothing caught SIGTERM');
});

test("a colleague's run of the same script counts for nothing, and hides none of one's own", async () => {
  await using scope = await commandWorld(PROJECT);
  const { world } = scope;
  await endedRun(world, 'first', false);
  const me = world.user;
  world.user = 'colleague@elsewhere';
  expect(await planOf(world)).not.toContain('nothing caught SIGTERM');
  await endedRun(world, 'second', true);
  world.user = me;
  expect(await planOf(world)).toContain('nothing caught SIGTERM');
});

test('a plan is made where the documents of earlier runs are damaged', async () => {
  await using scope = await commandWorld(PROJECT);
  const { world } = scope;
  await endedRun(world, 'first', false);
  for (const key of await world.keys())
    if (/^index\/|\/spec\.json$|\/status\.json$/.test(key)) await world.store.put(key, Buffer.from('nothing'));
  expect(await world.run(['launch', 'train.py', '--dry-run'])).toMatchObject({ exitCode: 0 });
});

test('resume says so before it asks, and to programs', async () => {
  await using scope = await commandWorld(PROJECT);
  const { world } = scope;
  await endedRun(world, 'mine', false);
  world.answer = false;
  const asked = await world.run(['resume', 'mine']);
  expect(asked.exitCode).toBe(22);
  expect(asked.stderr).toContain(`warning: nothing caught SIGTERM when <run> ran last: ${LOST}\n`);
  const { stdout } = await world.run(['resume', 'mine', '--yes', '--detach', '--json']);
  expect(JSON.parse(stdout.split('\n')[0] ?? '')).toMatchObject({
    type: 'requested',
    warnings: [`nothing caught SIGTERM when <run> ran last: ${LOST}`],
  });
});

test('neither resume nor a plan warns of a run that saved at a stop, by whatever it learned of it', async () => {
  await using scope = await commandWorld(PROJECT);
  const { world } = scope;
  await endedRun(world, 'mine', false);
  await (await world.newestRun()).interrupted(1, { step: 2, caughtTerm: false, newCheckpoint: true });
  expect(await planOf(world)).not.toContain('SIGTERM in');
  expect((await world.run(['resume', 'mine', '--yes', '--detach'])).stderr).not.toContain('SIGTERM');
});

test('resume of a run that caught it says nothing', async () => {
  await using scope = await commandWorld(PROJECT);
  const { world } = scope;
  await endedRun(world, 'mine', true);
  expect((await world.run(['resume', 'mine', '--yes', '--detach'])).stderr).not.toContain('SIGTERM');
});

test('whoever follows a healthy run is told once, over all its lives', async () => {
  await using scope = await commandWorld(PROJECT);
  const { world } = scope;
  const { stderr } = await world.run(['launch', 'train.py', '--yes'], async () => {
    const run = await world.launched();
    await run.started(1);
    for (const catchesTerm of [null, false, false]) {
      await run.heartbeat(1, { workload: workload(catchesTerm) });
      await world.clock.sleep(5000);
    }
    await run.interrupted(1, { step: 2, caughtTerm: false, newCheckpoint: false });
    await run.started(2, 2);
    await run.heartbeat(2, { workload: workload(false) });
    await world.clock.sleep(5000);
    await run.ended(2);
    await run.outcome({ generation: 2 });
  });
  expect(stderr.match(/warning: nothing catches SIGTERM/g)).toHaveLength(1);
  expect(stderr).toContain(`warning: nothing catches SIGTERM: ${LOST}\n`);
  expect(stderr.indexOf('nothing catches SIGTERM')).toBeLessThan(stderr.indexOf('interruption notice'));
  expect(stderr).toContain('drained: SIGTERM after 20 ms, which nothing caught, script ended 80 ms later');
});

test('a script that ignores SIGTERM is not called losing, and nothing more is said once it saved at a notice', async () => {
  await using scope = await commandWorld(PROJECT);
  const { world } = scope;
  const { stderr } = await world.run(['launch', 'train.py', '--yes'], async () => {
    const run = await world.launched();
    await run.started(1);
    await run.heartbeat(1, { workload: workload(null, true) });
    await world.clock.sleep(5000);
    expect((await world.run(['status', run.run])).stdout).toContain('the script ignores it: whether');
    await run.interrupted(1, { step: 2, caughtTerm: false, newCheckpoint: true });
    await run.started(2, 2);
    await run.heartbeat(2, { workload: workload(null, true) });
    await world.clock.sleep(5000);
    expect((await world.run(['status', run.run])).stdout).not.toContain('ignores it');
    await run.ended(2);
    await run.outcome({ generation: 2 });
  });
  expect(stderr.match(/warning: the script ignores SIGTERM/g)).toHaveLength(1);
  expect(stderr).not.toContain(LOST);
});
