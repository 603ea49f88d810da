import { writeFile } from 'node:fs/promises';
import { timestampOf } from '@runctl/protocol';
import { expect, test } from 'vitest';
import { eventually } from '../testing/eventually.ts';
import { RunWorld } from '../testing/run-world.ts';
import type { TestMachine } from '../testing/test-machine.ts';

// An agent dies in a pause, and the wall clock is set back by an hour before the next one begins: for that one, what its
// predecessor wrote down lies an hour away.
const AN_HOUR_AWAY = timestampOf(Date.now() + 3_600_000);

async function rewriteJournal(machine: TestMachine, change: object): Promise<void> {
  await writeFile(machine.paths.journal, JSON.stringify({ ...(await machine.journal()), ...change }));
}

test.concurrent('the pause after a crash is no longer than it was meant to be', async () => {
  const timing = { crashBackoffMs: 1000, earlyFailureMs: 0 };
  const script = { script: 'crashes.sh', interpreter: ['/bin/sh'], policy: { maxCrashes: 1 } };
  await using world = await RunWorld.launch({ ...script, timing });
  const machine = await world.machine('i-1');
  machine.start().catch(() => {});
  await eventually('the pause', async () => (await world.status(1))?.phase === 'backoff');
  await machine.killAgent();
  const { attempt } = await machine.journal();
  await rewriteJournal(machine, { attempt: { ...attempt, backoffUntil: AN_HOUR_AWAY } });
  expect(await machine.start()).toBe('off');
  expect((await world.log(1)).match(/about to fail/g)).toHaveLength(2);
});

test.concurrent('the rest after a notice is no longer than it was meant to be', async () => {
  const timing = { restMs: 1000, survivalMs: 300 };
  await using world = await RunWorld.launch({ script: 'counter.py', args: ['60', '0.03', '20'], timing });
  const machine = await world.machine('i-1');
  machine.start().catch(() => {});
  await world.reachesStep(1, 7);
  machine.imds.notice(6000);
  await eventually('the rest', async () => (await machine.journal()).restUntil !== null);
  await machine.killAgent();
  await rewriteJournal(machine, { restUntil: AN_HOUR_AWAY });
  expect(await machine.start()).toBe('off');
  expect(await world.outcome()).toMatchObject({ status: 'succeeded', generation: 2, step: 60 });
});
