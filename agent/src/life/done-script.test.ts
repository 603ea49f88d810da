import { expect, test } from 'vitest';
import { eventually } from '../testing/eventually.ts';
import { RunWorld } from '../testing/run-world.ts';

test.concurrent('a script that is done and never exits has succeeded, and is ended', async () => {
  await using world = await RunWorld.launch({
    script: 'is-done-and-hangs.py',
    timing: { doneGraceMs: 500, doneKillMs: 500, afterKillMs: 60_000 },
  });
  const machine = await world.machine('i-1');
  expect(await machine.start()).toBe('off');
  expect(await world.outcome()).toMatchObject({ status: 'succeeded', cause: 'exited', durableStep: 10 });
  expect(await world.attemptOutcome(1)).toMatchObject({ status: 'succeeded', signal: 'SIGKILL' });
  expect(await world.drained(1)).toBeNull();
  expect(world.fleet.deletions).toBe(1);
});

test.concurrent('no machine follows a notice that comes after a script was done', async () => {
  await using world = await RunWorld.launch({ script: 'is-done-and-hangs.py', timing: { doneGraceMs: 60_000 } });
  const machine = await world.machine('i-1');
  const life = machine.start();
  await eventually('the script is done', async () => (await world.status(1))?.doing.includes('which is done') === true);
  machine.imds.notice(4000);
  expect(await life).toBe('off');
  expect(await world.outcome()).toMatchObject({ status: 'succeeded' });
  expect(world.fleet.deletions).toBe(1);
});

test.concurrent('a last file that is no whole checkpoint is named, and does not hold the end', async () => {
  await using world = await RunWorld.launch({
    script: 'is-done-and-hangs.py',
    args: ['ckpt-20.json'],
    timing: { doneGraceMs: 300, doneKillMs: 300, doneSettleMs: 2000 },
  });
  const machine = await world.machine('i-1');
  expect(await machine.start()).toBe('off');
  expect(await world.outcome()).toMatchObject({ status: 'succeeded', durableStep: 10 });
  const { warnings = [] } = (await world.status(1)) ?? {};
  expect(warnings).toContainEqual(expect.stringContaining('ckpt-20.json is not kept, though the script is done'));
});

test.concurrent('a script that ends well and saved nothing has an outcome that says so', async () => {
  await using world = await RunWorld.launch({ script: 'shows-environment.py' });
  const machine = await world.machine('i-1');
  expect(await machine.start()).toBe('off');
  const message = 'the workload finished; nothing was saved: what the script wrote is gone with the machine';
  expect(await world.outcome()).toMatchObject({ status: 'succeeded', message });
});

test.concurrent('a shell that says done after its training was told to stop has not finished', async () => {
  await using world = await RunWorld.launch({ script: 'says-done-after-its-training.py' });
  const machine = await world.machine('i-1');
  machine.start().catch(() => {});
  await eventually('step 10 is durable', async () => (await world.status(1))?.durable?.step === 10);
  machine.imds.notice(4000);
  await eventually('the outcome', async () => (await world.attemptOutcome(1)) !== null);
  expect(await world.attemptOutcome(1)).toMatchObject({ status: 'interrupted', cause: 'notice', durableStep: 20 });
  expect(await world.outcome()).toBeNull();
  await machine.die();
});
