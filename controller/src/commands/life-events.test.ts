import { encodeDocument, FORMAT_VERSION, type LifeEvent, lifeEvent, runKeys } from '@runctl/protocol';
import type { WrittenRun } from '@runctl/operations/testing';
import { expect, test } from 'vitest';
import { commandWorld, type CommandWorld } from '../testing/command-world.ts';

const PROJECT = { 'requirements.txt': '', 'train.py': 'print("hello")\n' };
const IGNORED = 'the script was given the checkpoint of step 4 and ignored it: it began at step 1';

async function launched(world: CommandWorld): Promise<WrittenRun> {
  await world.run(['launch', 'train.py', '--yes', '--detach', '--name', 'mine']);
  return world.launched();
}

async function append(run: WrittenRun, number: number, news: Partial<LifeEvent>): Promise<void> {
  const event: LifeEvent = {
    version: FORMAT_VERSION,
    generation: 1,
    node: 0,
    launch: 1,
    machineId: 'i-1',
    at: '2026-01-01T00:01:02.000Z',
    kind: 'crash',
    message: 'exit code 1 after 4.0 s',
    step: 4,
    durableStep: 4,
    exitCode: 1,
    signal: null,
    logOffset: null,
    ...news,
  };
  const generation = event.generation;
  await run.store.put(runKeys(run.run).attempt(generation, 0).event(number), encodeDocument(lifeEvent, event));
}

/** One life that crashed and was started again, and one that began anew. */
async function lived(world: CommandWorld): Promise<void> {
  const run = await launched(world);
  await run.started(1);
  await run.log(1, 'step 4\nout of memory\nstep 5\n');
  await append(run, 1, { logOffset: 21 });
  const again = { exitCode: null, logOffset: 21, at: '2026-01-01T00:01:12.000Z' };
  await append(run, 2, { ...again, kind: 'resume', message: 'started again with step 4 to resume from' });
  await run.started(2, 4);
  await run.log(2, 'step 1\n');
  await append(run, 1, { ...again, generation: 2, kind: 'resume-ignored', message: IGNORED, step: 1, logOffset: 7 });
  await run.heartbeat(2, { step: 1, warnings: [IGNORED] });
  await run.outcome({ generation: 2 });
}

test('the log has a crash and the start after it between the bytes where they happened', async () => {
  await using scope = await commandWorld(PROJECT);
  const { world } = scope;
  await lived(world);
  expect((await world.run(['logs', 'mine'])).stdout.split('\n')).toEqual([
    '── attempt 1 · i-1 · g5.xlarge us-east-1a spot · started from nothing ──',
    'step 4',
    'out of memory',
    '── attempt 1 · crash: exit code 1 after 4.0 s ──',
    '── attempt 1 · resume: started again with step 4 to resume from ──',
    'step 5',
    `── attempt 2 · i-2 · g5.xlarge us-east-1a spot · ${IGNORED} ──`,
    'step 1',
    '',
  ]);
});

test('status and events name each life, and show no resume that was ignored as one', async () => {
  await using scope = await commandWorld(PROJECT);
  const { world } = scope;
  await lived(world);
  const status = (await world.run(['status', 'mine'])).stdout;
  expect(status).toContain('attempt 1 00:01:02 crash exit code 1 after 4.0 s');
  expect(status).toContain(`warning    ${IGNORED}`);
  expect(status).toMatch(/\n2 .* start \(4 ignored\) /);
  const events = (await world.run(['events', 'mine'])).stdout;
  expect(events).toMatch(/00:01:02\.000 .*exit code 1 after 4\.0 s, at step 4/);
  expect(events).toContain(`${IGNORED}, at step 1`);
});

test('whoever follows reads of a crash once, and of an ignored resume once', async () => {
  await using scope = await commandWorld(PROJECT);
  const { world } = scope;
  await lived(world);
  const { stderr } = await world.run(['attach', 'mine']);
  expect(stderr.match(/crash: exit code 1/g)).toHaveLength(1);
  expect(stderr.match(/resume-ignored: /g)).toHaveLength(1);
  expect(stderr).not.toContain('warning: the script was given');
});
