import { expect, test } from 'vitest';
import { eventually, resultOf, RunWorld } from '../testing/run-world.ts';

test('a run that finishes leaves its outcome, deletes its fleet and powers the machine off', async () => {
  await using world = await RunWorld.launch({ script: 'counter.py', args: ['12', '0.02'] });
  const machine = await world.machine('i-1');
  expect(await machine.start()).toBe('off');
  expect(await world.outcome()).toMatchObject({
    status: 'succeeded',
    cause: 'exited',
    exitCode: 0,
    step: 12,
    durableStep: 10,
    generation: 1,
  });
  expect(await world.attemptOutcome(1)).toMatchObject({ status: 'succeeded', cause: 'exited', exitCode: 0 });
  expect(await world.log(1)).toContain(resultOf(12));
  expect((await world.attemptOutcome(1))?.logBytes).toBe((await world.log(1)).length);
  expect(world.fleet.deletions).toBe(1);
  expect(machine.power).toEqual({ offs: 1, cancelled: 1 });
  expect(await world.status(1)).toMatchObject({ phase: 'ended', step: 12 });
});

test('a notice becomes a saved step, and a second machine goes on from it to the same result', async () => {
  await using world = await RunWorld.launch({ script: 'counter.py', args: ['60', '0.03'] });
  const first = await world.machine('i-1');
  const life = first.start();
  life.catch(() => {});
  await world.reachesStep(1, 8);
  first.imds.notice(6000);
  await eventually('the outcome', async () => (await world.attemptOutcome(1)) !== null);
  expect(await world.attemptOutcome(1)).toMatchObject({ status: 'interrupted', cause: 'spot-notice' });
  const drained = await world.drained(1);
  expect(drained?.drain).toMatchObject({ cause: 'spot-notice', killed: false, newCheckpoint: true, notDurable: [] });
  expect(drained?.drain.noticeToSigtermMs).toBeLessThan(200);
  const second = await world.machine('i-2');
  expect(await second.start()).toBe('off');
  expect((await world.started(2))?.resumedFrom?.step).toBe(drained?.drain.durableStep);
  expect(await world.log(2)).toContain(resultOf(60));
  expect(await world.outcome()).toMatchObject({ status: 'succeeded', step: 60, generation: 2 });
  expect(await world.status(2)).toMatchObject({ interruptions: 1 });
  await first.die();
});
