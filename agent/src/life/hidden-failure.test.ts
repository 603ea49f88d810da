import { expect, test } from 'vitest';
import { RunWorld } from '../testing/run-world.ts';

test.concurrent('a crash whose exit code a pipe hides is told in the outcome and the warnings', async () => {
  await using world = await RunWorld.launch({ script: 'hides-a-crash.sh', interpreter: ['sh'] });
  const machine = await world.machine('i-1');
  expect(await machine.start()).toBe('off');
  const told = expect.stringMatching(
    /exit code 0, but its last words are of a failure: RuntimeError: loss is nan \(.*pipefail/,
  );
  const end = { status: 'succeeded', exitCode: 0, durableStep: 10, message: told };
  expect(await world.outcome()).toMatchObject({ ...end, hiddenFailure: 'RuntimeError: loss is nan' });
  expect(await world.attemptOutcome(1)).toMatchObject(end);
  expect((await world.status(1))?.warnings).toContainEqual(told);
});

test.concurrent('an exception that a script tells and survives is no failure', async () => {
  await using world = await RunWorld.launch({ script: 'hides-a-crash.sh', interpreter: ['sh'], args: ['told'] });
  const machine = await world.machine('i-1');
  expect(await machine.start()).toBe('off');
  const outcome = await world.outcome();
  expect(outcome).toMatchObject({ status: 'succeeded', message: 'the workload finished' });
  expect(outcome).not.toHaveProperty('hiddenFailure');
  expect((await world.status(1))?.warnings).toEqual([]);
});
