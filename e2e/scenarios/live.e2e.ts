import { expect, test } from 'vitest';
import { agentProcess, onInstance } from '../support/agent-process.ts';
import { checkAfter } from '../support/checker.ts';
import { eventually } from '../support/eventually.ts';
import { durableStep, jsonLines, launchDetached, reachesStep } from '../support/launching.ts';
import { World } from '../support/world.ts';

for (const [level, via] of [
  ['process', 'websocket'],
  ['lite', 'shell'],
] as const)
  test.concurrent(`status --live and attach ask the agent itself (${level}: ${via})`, async (context) => {
    if (level === 'lite' && (process.platform !== 'linux' || process.getuid?.() !== 0))
      context.skip('level lite needs root on Linux');
    await using world = await World.start({ level });
    // More steps than any machine needs for the rest: the run is stopped at the end.
    const run = await launchDetached(world, 'counter', { args: ['4000', '0.1'] });
    await durableStep(world, run, 10);
    const seen = await reachesStep(world, run, 1, 12);

    // A person asks again, too, where a busy machine did not answer in time.
    const live = await eventually('the agent answers', async () => {
      const asked = await world.runctl(['status', run, '--live', '--json']);
      return asked.exitCode !== 14 && asked;
    });
    expect(live, live.stderr).toMatchObject({ exitCode: 0 });
    const [answer] = jsonLines(live);
    expect(answer).toMatchObject({ via, machineId: seen.machineId, status: { run, phase: 'running' } });
    expect((answer as { status: { step: number } }).status.step).toBeGreaterThanOrEqual(5);
    const human = await eventually('the agent answers another laptop', async () => {
      const asked = await world.runctl(['status', run, '--live'], { env: world.otherLaptop() });
      return asked.exitCode !== 14 && asked;
    });
    expect(human, human.stderr).toMatchObject({ exitCode: 0 });
    expect(human.stdout).toContain(`${seen.machineId}, asked over ${via} just now`);
    expect(human.stdout).toMatch(/step \d+ · durable \d+/);

    const attached = world.start(['attach', run]);
    let printed = '';
    attached.stdout.on('data', (piece: Buffer) => (printed += String(piece)));
    const now = (await world.bucket.status(run, 1))?.step ?? 0;
    await eventually('attach shows a step that is made while it watches', async () =>
      new RegExp(`^step ${now + 20}$`, 'm').test(printed),
    );
    attached.kill('SIGINT');
    const detached = await attached;
    expect(detached).toMatchObject({ exitCode: 130 });
    expect(detached.stderr).toContain(`attached to ${seen.machineId} over ${via}`);
    expect(detached.stderr).toContain(`stopped watching; ${run} goes on`);
    const steps = [...printed.matchAll(/^step (\d+)$/gm)].map((match) => Number(match[1]));
    expect(steps).toEqual(steps.map((_, index) => index + 1)); // from the first line on, none lost or doubled

    const on = await reachesStep(world, run, 1, now + 30);
    expect(on.pid).toBe(seen.pid);
    expect(await world.runctl(['stop', run])).toMatchObject({ exitCode: 0 });
    await checkAfter(world, run);
  });

test.concurrent(
  'an agent that cannot be asked is said with the age of its last heartbeat, and exit code 14',
  async () => {
    await using world = await World.start();
    const run = await launchDetached(world, 'counter', { args: ['60', '0.1', 'hold=45'] });
    const { machineId } = await reachesStep(world, run, 1, 3);
    await world.control('partition', { target: { instanceId: machineId }, partitioned: true });
    const commands = [
      ['status', run, '--live'],
      ['attach', run],
    ];
    for (const asked of await Promise.all(commands.map((command) => world.runctl(command)))) {
      expect(asked, asked.stderr).toMatchObject({ exitCode: 14, stdout: '' });
      expect(asked.stderr).toMatch(
        /^error\[agent-unreachable\]: .* its last heartbeat is \d+.* old \(running, step \d+\)$/m,
      );
    }
    await world.control('partition', { target: { instanceId: machineId }, partitioned: false });
    expect(await world.runctl(['status', run, '--live'])).toMatchObject({ exitCode: 0 });

    // Its agent hangs, its machine does not.
    await onInstance(world, machineId, `kill -STOP ${await agentProcess(world, run)}`);
    const hanging = await world.runctl(['status', run, '--live', '--json']);
    expect(hanging, hanging.stderr).toMatchObject({ exitCode: 14, stdout: '' });
    expect(hanging.stderr).toContain('its last heartbeat is ');
    await onInstance(world, machineId, `kill -CONT ${await agentProcess(world, run)}`);

    expect(await world.runctl(['stop', run])).toMatchObject({ exitCode: 0 });
    const gone = await world.runctl(['status', run, '--live', '--json']);
    expect(gone).toMatchObject({ exitCode: 14, stdout: '' });
    expect(gone.stderr).toContain('no machine of it lives now');
    await checkAfter(world, run);
  },
);

test.concurrent('logs and events tell any laptop the same, while the run lives and after', async () => {
  await using world = await World.start();
  const run = await launchDetached(world, 'counter', { args: ['60', '0.1', 'hold=45'], flags: ['--name', 'told'] });
  const following = world.start(['logs', '-f', 'told']);
  await reachesStep(world, run, 1, 15);
  expect(await world.runctl(['sandbox', 'interrupt', run])).toMatchObject({ exitCode: 0 });
  const followed = await following;
  expect(followed, followed.stderr).toMatchObject({ exitCode: 0 });

  const other = { env: world.otherLaptop() };
  const whole = await world.runctl(['logs', run], other);
  expect(followed.stdout).toBe(whole.stdout);
  expect(whole.stdout.match(/^── attempt \d .*$/gm)).toHaveLength(2);
  const steps = [...whole.stdout.matchAll(/^step (\d+)$/gm)].map((match) => Number(match[1]));
  expect(steps).toEqual(Array.from({ length: 60 }, (_, index) => index + 1));

  // The lines of a life that ended long ago are not among those of the last moment.
  const ended = Date.parse((await world.bucket.attemptOutcome(run, 1))?.at ?? '');
  const since = Math.max(1, Math.floor((Date.now() - ended) / 1000) - 2);
  const recent = await world.runctl(['logs', run, '--since', `${since}s`], other);
  expect(recent, recent.stderr).toMatchObject({ exitCode: 0 });
  expect(recent.stdout).toContain('step 60');
  expect(recent.stdout).not.toMatch(/^step 1$/m);
  expect(await world.runctl(['logs', run, '--since', '1s', '--json'], other)).toMatchObject({ exitCode: 0 });
  expect(await world.runctl(['logs', run, '--since', 'yesterday'])).toMatchObject({ exitCode: 2 });

  await checkAfter(world, run);
  const events = await eventually('the events tell the end of the fleet', async () => {
    const told = await world.runctl(['events', run, '--json']);
    expect(told, told.stderr).toMatchObject({ exitCode: 0 });
    return jsonLines(told).some(({ kind, text }) => kind === 'provider-state' && text === 'deleted') && told;
  });
  const kinds = jsonLines(events).map((event) => event['kind']);
  expect(kinds.filter((kind) => kind === 'notice')).toHaveLength(1);
  for (const kind of ['launch', 'machines', 'attempt', 'outcome']) expect(kinds).toContain(kind);
  const times = jsonLines(events).map((event) => String(event['at']));
  expect(times).toEqual(times.toSorted());
  expect((await world.runctl(['events', run, '--json'], other)).stdout).toBe(events.stdout);
  const [own, others] = await Promise.all([
    world.runctl(['status', run, '--json']),
    world.runctl(['status', 'told', '--json'], other),
  ]);
  expect(jsonLines(others)[0]).toMatchObject({ run, state: jsonLines(own)[0]?.['state'] });
});
