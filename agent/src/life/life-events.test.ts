import { expect, test } from 'vitest';
import { RunWorld } from '../testing/run-world.ts';

test.concurrent('a crash and a restart on one machine are told in order, and the first start stays told', async () => {
  await using world = await RunWorld.launch({ script: 'crashes-at-20.py' });
  const machine = await world.machine('i-1');
  expect(await machine.start()).toBe('off');
  const events = await world.events(1);
  expect(events.map(({ kind }) => kind)).toEqual(['crash', 'backoff', 'resume']);
  const [crash, , resume] = events;
  expect(crash).toMatchObject({ exitCode: 1, step: 20, durableStep: 20 });
  expect(crash?.message).toMatch(/^exit code 1 after /);
  expect(resume).toMatchObject({ step: 20, message: 'started again with step 20 to resume from' });
  expect((await world.started(1))?.resumedFrom).toBeNull();
  const log = await world.log(1);
  expect(
    log
      .slice(0, resume?.logOffset ?? 0)
      .trimEnd()
      .split('\n')
      .at(-1),
  ).toBe('out of memory');
  expect(log.slice(resume?.logOffset ?? 0)).toMatch(/^step 21\n/);
  expect((await world.status(1))?.warnings).toEqual([]);
});

test.concurrent('a script that empties its folder and begins anew is told to have ignored its checkpoint', async () => {
  await using world = await RunWorld.launch({ script: 'empties-its-folder.py' });
  const machine = await world.machine('i-1');
  expect(await machine.start()).toBe('off');
  const ignored = (await world.events(1)).at(-1);
  const message = 'the script was given the checkpoint of step 10 and ignored it: it began at step 1';
  expect(ignored).toMatchObject({ kind: 'resume-ignored', message, step: 1 });
  expect((await world.status(1))?.warnings).toContain(message);
});
