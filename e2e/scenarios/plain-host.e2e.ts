import { expect, test } from 'vitest';
import { checkAfter } from '../support/checker.ts';
import { counterResult } from '../support/counter-result.ts';
import { reachesStep } from '../support/launching.ts';
import { PlainMachine, wishStop, writeRun } from '../support/plain-machine.ts';
import { World } from '../support/world.ts';

test.concurrent('a run on a plain machine completes, and leaves the machine on', async () => {
  await using world = await World.start();
  const run = await writeRun(world, 'counter', ['30', '0.05']);
  await using machine = await PlainMachine.start(world, run, 1);

  expect(await machine.agentEnd).toBe(0);
  expect(await world.bucket.outcome(run)).toMatchObject({ status: 'succeeded', step: 30, durableStep: 30 });
  expect(String(await world.bucket.log(run, 1))).toContain(counterResult(30));
  expect(await world.bucket.attemptOutcome(run, 1)).toMatchObject({ costUsd: null });
  expect(await machine.agentLog()).toContain('this machine stays on');
  expect(machine.callsToEc2).toEqual([]);
  await checkAfter(world, run);
});

test.concurrent('a stop saves the last step on a plain machine, and the next start goes on from it', async () => {
  await using world = await World.start();
  const run = await writeRun(world, 'counter', ['60', '0.05', 'hold=25']);
  await using first = await PlainMachine.start(world, run, 1);
  await reachesStep(world, run, 1, 25);
  await wishStop(world, run, 1);

  expect(await first.agentEnd).toBe(0);
  expect(await world.bucket.outcome(run)).toMatchObject({ status: 'stopped', cause: 'user-stop', durableStep: 25 });
  expect((await world.bucket.drained(run, 1))?.drain).toMatchObject({ newCheckpoint: true, killed: false });

  await using second = await PlainMachine.start(world, run, 2);
  expect(await second.agentEnd).toBe(0);
  expect(await world.bucket.outcome(run, 2)).toMatchObject({ status: 'succeeded', step: 60 });
  expect((await world.bucket.started(run, 2))?.resumedFrom?.step).toBe(25);
  const log = String(await world.bucket.log(run, 2));
  expect(log).toContain('resumed at step 25');
  expect(log).toContain(counterResult(60));
  expect([...first.callsToEc2, ...second.callsToEc2]).toEqual([]);
  await checkAfter(world, run);
});
