import { writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { eventually } from '../testing/eventually.ts';
import { RunWorld } from '../testing/run-world.ts';

/** Short where a stop would end a save that is left alone only for what it writes. */
const timing = { userStopGraceMs: 50, firstByteMs: 60_000, savingPauseMs: 60_000, longestStopMs: 600_000 };

const isSaving = (world: RunWorld) => async (): Promise<boolean> =>
  ((await world.status(1))?.stopping?.lastByteAt ?? null) !== null;

test.concurrent('a stop leaves a save alone for as long as it writes, and shows it', async () => {
  await using world = await RunWorld.launch({ script: 'saves-for-long.py', timing });
  const machine = await world.machine('i-1');
  const life = machine.start();
  await world.reachesStep(1, 10);
  await world.control('stop');
  await eventually('a byte', isSaving(world));
  const status = await world.status(1);
  expect(status).toMatchObject({ phase: 'draining', stopping: { cause: 'user-stop' } });
  const { since = '', endsBy } = status?.stopping ?? {};
  expect(Date.parse(endsBy ?? '') - Date.parse(since)).toBeGreaterThan(590_000);
  await writeFile(`${machine.root}/home/ubuntu/project/enough`, '');
  expect(await life).toBe('off');
  expect(await world.outcome()).toMatchObject({
    status: 'stopped',
    cause: 'user-stop',
    exitCode: 143,
    durableStep: 10,
  });
  expect((await world.drained(1))?.drain).toMatchObject({ killed: false, newCheckpoint: true });
  expect((await world.status(1))?.stopping).toBeNull();
});

test.concurrent('whoever asks again for a stop without grace ends the save at once', async () => {
  await using world = await RunWorld.launch({ script: 'saves-for-long.py', timing });
  const machine = await world.machine('i-1');
  const life = machine.start();
  await world.reachesStep(1, 10);
  await world.control('stop');
  await eventually('a byte', isSaving(world));
  await world.control('stop', { graceMs: 0 });
  expect(await life).toBe('off');
  const message = expect.stringMatching(/^stopped on request; the workload was killed at once, as the stop asked/);
  expect(await world.outcome()).toMatchObject({ status: 'stopped', cause: 'user-stop', signal: 'SIGKILL', message });
  expect((await world.drained(1))?.drain).toMatchObject({ killed: true, newCheckpoint: false });
});

test.concurrent('an agent that is restarted in such a stop goes on with it', async () => {
  // Until the workload is found again, nothing is known of a save.
  const patient = { ...timing, userStopGraceMs: 60_000 };
  await using world = await RunWorld.launch({ script: 'saves-for-long.py', timing: patient });
  const machine = await world.machine('i-1');
  machine.start().catch(() => {});
  await world.reachesStep(1, 10);
  await world.control('stop');
  await eventually('a byte', isSaving(world));
  await machine.killAgent();
  const killedAtMs = Date.now();
  const life = machine.start();
  await eventually('another byte', async () => {
    const { stopping = null } = (await world.status(1)) ?? {};
    return Date.parse(stopping?.lastByteAt ?? '') > killedAtMs;
  });
  await writeFile(`${machine.root}/home/ubuntu/project/enough`, '');
  expect(await life).toBe('off');
  expect(await world.outcome()).toMatchObject({ status: 'stopped', exitCode: 143, durableStep: 10 });
});

test.concurrent("the run's own grace replaces these limits at a stop", async () => {
  await using world = await RunWorld.launch({ script: 'saves-for-long.py', timing, policy: { graceMs: 400 } });
  const machine = await world.machine('i-1');
  const life = machine.start();
  await world.reachesStep(1, 10);
  await world.control('stop');
  expect(await life).toBe('off');
  expect((await world.drained(1))?.drain).toMatchObject({ killed: true });
});
