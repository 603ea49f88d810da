import { GetConsoleOutputCommand } from '@aws-sdk/client-ec2';
import { expect, test } from 'vitest';
import { agentProcess, onInstance } from '../support/agent-process.ts';
import { checkAfter } from '../support/checker.ts';
import { counterResult } from '../support/counter-result.ts';
import { eventually } from '../support/eventually.ts';
import { launchDetached, reachesStep } from '../support/launching.ts';
import { World } from '../support/world.ts';

/** A world at level nspawn; the reason where it cannot be had here. */
async function realInit(): Promise<World | string> {
  try {
    return await World.start({ level: 'nspawn' });
  } catch (error) {
    const refused = /cannot run at level nspawn \((.*?)\)$/m.exec((error as Error).message);
    if (refused?.[1] === undefined) throw error;
    return refused[1];
  }
}

test('the user data boots as it is under a real systemd and cloud-init, and a notice ends in a durable step', async (context) => {
  const started = await realInit();
  if (typeof started === 'string') {
    context.skip(`level ${started}`);
    return;
  }
  await using world = started;
  const run = await launchDetached(world, 'counter', { args: ['60', '0.1', 'hold=45'] });
  const first = await reachesStep(world, run, 1, 5);
  const inside = async (script: string) => (await onInstance(world, first.machineId, script)).trim();

  expect(await inside('cat /proc/1/comm')).toBe('systemd');
  await eventually('cloud-init is done', async () => (await inside('cloud-init status || true')).includes('done'));
  await eventually('the system runs', async () => (await inside('systemctl is-system-running || true')) === 'running');
  const { Output = '' } = await world.ec2.send(new GetConsoleOutputCommand({ InstanceId: first.machineId }));
  expect(Buffer.from(Output, 'base64').toString()).toContain('boot: the agent is started');
  expect(await inside('systemctl is-active runctl-agent')).toBe('active');
  expect(await inside(`cat /proc/${first.pid}/cgroup`)).toMatch(/\/run-[^/]*\.scope/);
  expect(await inside(`stat -c %U /proc/${first.pid}`)).toBe('ubuntu');

  // Neither the host's clock nor its modules are its root's (capabilities(7): 25 SYS_TIME, 16 SYS_MODULE).
  const capabilities = BigInt(`0x${await inside("awk '/^CapBnd/ { print $2 }' /proc/1/status")}`);
  expect(capabilities & ((1n << 25n) | (1n << 16n))).toBe(0n);

  // systemd starts the agent again, and that one adopts the training.
  const killed = await agentProcess(world, run);
  await inside(`kill -9 ${killed}`);
  const adopted = await reachesStep(world, run, 1, (first.step ?? 0) + 10);
  expect(adopted.pid).toBe(first.pid);
  expect(await inside('systemctl show runctl-agent --property NRestarts --value')).toBe('1');

  expect(await world.runctl(['sandbox', 'interrupt', run])).toMatchObject({ exitCode: 0 });
  const waited = await world.runctl(['wait', run]);
  expect(waited, waited.stderr).toMatchObject({ exitCode: 0 });
  const drained = await world.bucket.drained(run, 1);
  expect(drained?.drain).toMatchObject({ cause: 'notice', killed: false, newCheckpoint: true, notDurable: [] });
  expect((await world.bucket.started(run, 2))?.resumedFrom?.step).toBe(drained?.drain.durableStep);
  expect(String(await world.bucket.log(run, 2))).toContain(counterResult(60));
  await checkAfter(world, run);
});

test('a reboot in the middle saves the step, and the same machine resumes from it', async (context) => {
  const started = await realInit();
  if (typeof started === 'string') {
    context.skip(`level ${started}`);
    return;
  }
  await using world = started;
  const run = await launchDetached(world, 'counter', { args: ['60', '0.1', 'hold=25,40'] });
  const before = await reachesStep(world, run, 1, 12);
  await onInstance(
    world,
    before.machineId,
    'systemd-run --quiet --on-active=1 --timer-property=AccuracySec=10ms systemctl reboot',
  );

  const after = await reachesStep(world, run, 2, 30);
  expect(after.machineId).toBe(before.machineId);
  const drained = await world.bucket.drained(run, 1);
  expect(drained?.drain).toMatchObject({ cause: 'machine-shutdown' });
  expect(drained?.drain.durableStep).toBeGreaterThanOrEqual(before.step ?? Infinity);
  expect((await world.bucket.started(run, 2))?.resumedFrom?.step).toBe(drained?.drain.durableStep);
  expect(await world.runctl(['stop', run])).toMatchObject({ exitCode: 0 });
  await checkAfter(world, run);
});
