import { mkdir } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { eventually } from '../testing/eventually.ts';
import { resultOf, RunWorld } from '../testing/run-world.ts';

test.concurrent('a second launch on the same machine ships its own log alone', async () => {
  await using world = await RunWorld.launch({ script: 'counter.py', args: ['12', '0.02', '7'] });
  const machine = await world.machine('i-1');
  const first = machine.start();
  await world.reachesStep(1, 7);
  await world.control('stop');
  await first;
  const stoppedAt = (await world.outcome())?.durableStep ?? 0;
  await world.launchAgain(2);
  await machine.start(undefined, 2);
  expect(await world.outcome(2)).toMatchObject({ status: 'succeeded', generation: 2, step: 12 });
  expect(await world.log(1)).toContain(`step ${stoppedAt}\n`);
  const later = await world.log(2);
  expect(later).toMatch(new RegExp(`^resumed from step ${stoppedAt}\nstep ${stoppedAt + 1}\n`));
  expect(later).toContain(resultOf(12));
});

test.concurrent('a second launch on the same machine knows that a workload of the first was cut off', async () => {
  await using world = await RunWorld.launch({ script: 'ignores-sigterm.sh', interpreter: ['/bin/sh'] });
  const machine = await world.machine('i-1');
  const first = machine.start();
  await eventually('the script', async () => (await world.status(1))?.phase === 'running');
  const { since } = (await machine.journal()).attempt!;
  await world.control('stop', { graceMs: 100 });
  await first;
  await world.launchAgain(2);
  machine.start(undefined, 2).catch(() => {});
  await eventually('the second generation', async () => (await world.started(2)) !== null);
  expect((await machine.journal()).attempt).toMatchObject({ generation: 2, cutOffSince: since });
});

test.concurrent('a workload that an earlier launch left running is cut off before the next one begins', async () => {
  await using world = await RunWorld.launch({ script: 'ignores-sigterm.sh', interpreter: ['/bin/sh'] });
  const machine = await world.machine('i-1');
  machine.start().catch(() => {});
  await eventually('the script', async () => (await world.status(1))?.phase === 'running');
  const { since } = (await machine.journal()).attempt!;
  await machine.killAgent();
  // As a laptop ends a launch whose agent is gone.
  await world.takeLease('laptop');
  await world.releaseLease();
  await world.launchAgain(2);
  machine.start(undefined, 2).catch(() => {});
  await eventually('the next generation', async () => (await world.started(3)) !== null);
  expect((await machine.journal()).attempt).toMatchObject({ generation: 3, cutOffSince: since });
  await eventually('the log', async () => (await world.log(3)) === 'ready\n');
});

test.concurrent('failures of an earlier launch do not end the next one', async () => {
  await using world = await RunWorld.launch({ script: 'counter.py' });
  const machine = await world.machine('i-1');
  // Nothing can be written to the journal.
  await mkdir(`${machine.paths.journal}.tmp`, { recursive: true });
  for (let agent = 1; agent < 20; agent++) await expect(machine.start()).rejects.toThrow('EISDIR');
  await world.launchAgain(2);
  await expect(machine.start(undefined, 2)).rejects.toThrow('EISDIR');
  expect(await world.outcome(2)).toBeNull();
  expect(await machine.start()).toBe('off');
  expect(await world.outcome(1)).toMatchObject({ status: 'failed', cause: 'boot-failed' });
});
