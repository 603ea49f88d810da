import { FakeClock } from '@runctl/testkit';
import { expect, test } from 'vitest';
import type { Cloud } from '../cloud.ts';
import { createObserver } from './observer.ts';
import { rehearsedRun } from './testing/rehearsed-run.ts';

async function observed() {
  const clock = new FakeClock();
  const run = await rehearsedRun(clock);
  await run.started(1);
  await run.heartbeat(1, { stepSource: 'unknown' });
  const observer = createObserver({ store: run.store } as unknown as Cloud, run.run, clock);
  const isAlive = async (): Promise<boolean> => {
    const { progress } = await observer.look();
    return (progress.get(1)?.aliveSinceMs ?? null) !== null;
  };
  return { run, observer, isAlive };
}

test('a life shows itself by a step, an epoch, a bar of its training, a progress file or a checkpoint', async () => {
  for (const line of ['step 1', 'Epoch 1/3', '  5%|▌ | 1/20 [00:01<00:10, 1.00it/s]']) {
    const { run, isAlive } = await observed();
    expect(await isAlive()).toBe(false);
    await run.log(1, `${line}\n`);
    expect(await isAlive(), line).toBe(true);
  }
  const byFile = await observed();
  await byFile.run.heartbeat(1, { step: 3, stepSource: 'file' });
  expect(await byFile.isAlive()).toBe(true);
  const bySave = await observed();
  await bySave.run.checkpoint(1, 1, 10);
  expect(await bySave.isAlive()).toBe(true);
});

test('neither imports, nor downloads, nor the configuration are a sign of life', async () => {
  const { run, isAlive } = await observed();
  await run.log(1, 'import torch\nNamespace(max_steps=300)\nDownloading: 50%|█ | 5/10 [00:01<00:01]\nstarting\n');
  expect(await isAlive()).toBe(false);
});

test('checkpoints are remembered in the order in which they became durable', async () => {
  const { run, observer } = await observed();
  await run.checkpoint(1, 1, 10);
  await run.checkpoint(1, 2, 20);
  await observer.look();
  await run.checkpoint(1, 3, 30);
  const { saves } = await observer.look();
  expect(saves.map(({ step }) => step)).toEqual([10, 20, 30]);
});

test('a life began with what its first start says, however often its script crashes on the machine', async () => {
  const { run, observer } = await observed();
  await observer.look();
  await run.started(1, 100);
  const { record } = await observer.look();
  expect(record.attempts[0]?.started?.resumedFrom).toBeNull();
});

/** The first and last step that a second life is said to have shown, which was given step 40 after 100 ms a step. */
async function secondLife(printed: readonly number[], [savedStep, afterMs]: readonly [number | null, number]) {
  const clock = new FakeClock();
  const run = await rehearsedRun(clock);
  await run.started(1);
  await clock.advance(4000);
  await run.checkpoint(1, 1, 40);
  await run.started(2, 40);
  await run.log(2, printed.map((round) => `[${round}]\ttrain-rmse:0.28\n`).join(''));
  await clock.advance(afterMs);
  if (savedStep !== null) await run.checkpoint(2, 1, savedStep);
  const observer = createObserver({ store: run.store } as unknown as Cloud, run.run, clock);
  const { firstStep, lastStep } = (await observer.look()).progress.get(2) ?? {};
  return [firstStep, lastStep];
}

test.each<[string, readonly number[], readonly [number | null, number], readonly (number | null)[]]>([
  ['may have gone on where it has not saved yet', [0, 10, 20], [null, 2000], [null, null]],
  ['goes on from there where its early save is that much higher', [0, 10, 20], [60, 2000], [40, 60]],
  ['began anew where it saved as late as a life from nothing', [0, 10, 20], [60, 6000], [0, 20]],
  ['began anew where it printed as far as it saved', [0, 30, 60], [60, 2000], [0, 60]],
  ['began anew where its save is lower, however rarely it prints', [0, 5], [30, 1000], [0, 5]],
  ['is shown by the steps of the training where it prints those', [41, 50, 60], [60, 2000], [41, 60]],
])('a life that counts from 0 %s', async (_name, printed, save, shown) => {
  expect(await secondLife(printed, save)).toEqual(shown);
});
