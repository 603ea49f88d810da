import { writeFile } from 'node:fs/promises';
import { intercepted, type ObjectStore, StoreError } from '@runctl/store';
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
  expect(world.fleet.deletions).toBeGreaterThan(0);
});

test.concurrent('no machine follows a notice that comes after a script was done', async () => {
  await using world = await RunWorld.launch({ script: 'is-done-and-hangs.py', timing: { doneGraceMs: 60_000 } });
  const machine = await world.machine('i-1');
  const life = machine.start();
  await eventually('the script is done', async () => (await world.status(1))?.doing.includes('which is done') === true);
  await eventually('the fleet is gone', () => world.fleet.deletions === 1);
  expect(await world.outcome()).toMatchObject({ status: 'succeeded', exitCode: null, durableStep: 10 });
  machine.imds.notice(4000);
  expect(await life).toBe('off');
  expect(await world.attemptOutcome(1)).toMatchObject({ status: 'succeeded' });
});

test.concurrent('a done script that the agent asked to end has succeeded, whatever it had written since', async () => {
  const timing = { doneGraceMs: 100, doneKillMs: 60_000, savingPauseMs: 60_000 };
  await using world = await RunWorld.launch({ script: 'is-done-and-goes-on.py', timing });
  const machine = await world.machine('i-1');
  const life = machine.start();
  await eventually('the script was asked', async () => (await world.log(1).catch(() => '')).includes('asked'));
  machine.imds.notice(30_000);
  await eventually('the notice is seen', async () => (await world.status(1))?.notice !== null);
  await writeFile(`${machine.root}/home/ubuntu/project/enough`, '');
  expect(await life).toBe('off');
  expect(await world.outcome()).toMatchObject({ status: 'succeeded' });
  expect(await world.attemptOutcome(1)).toMatchObject({ status: 'succeeded', exitCode: 143 });
});

test.concurrent(
  'a last file that is no whole checkpoint is named, and does not hold the end, however long it grows',
  async () => {
    await using world = await RunWorld.launch({
      script: 'is-done-and-hangs.py',
      args: ['ckpt-20.json'],
      timing: { doneGraceMs: 300, doneKillMs: 300, doneSettleMs: 1500, longestStopMs: 3_600_000 },
    });
    const machine = await world.machine('i-1');
    expect(await machine.start()).toBe('off');
    const named = expect.stringMatching(/part of no whole checkpoint, kept as output: ckpt-20\.json \(/);
    const message = expect.stringMatching(/part of no whole checkpoint, to be kept as output: ckpt-20\.json \(/);
    expect(await world.outcome()).toMatchObject({ status: 'succeeded', durableStep: 10, message });
    expect(await world.attemptOutcome(1)).toMatchObject({ status: 'succeeded', message: named });
    const { warnings = [] } = (await world.status(1)) ?? {};
    expect(warnings).toContainEqual(named);
    const kept = await world.output();
    expect([...kept.keys()]).toEqual(['runctl-unproven-saves/ckpt-20.json']);
    expect(kept.get('runctl-unproven-saves/ckpt-20.json')).toMatch(/^x+$/);
  },
);

test.concurrent.each(['predictions.bin', 'step-20.pt', 'ckpt-20.npz', 'last.ckpt', 'trace.db', 'ckpt-20.json.tmp'])(
  'the end of a done script waits no longer for what goes on growing: %s',
  async (name) => {
    const timing = { doneGraceMs: 300, doneKillMs: 300, doneSettleMs: 1500, longestStopMs: 3_600_000 };
    await using world = await RunWorld.launch({ script: 'is-done-and-hangs.py', args: [name], timing });
    const machine = await world.machine('i-1');
    expect(await machine.start()).toBe('off');
    expect(await world.outcome()).toMatchObject({ status: 'succeeded', durableStep: 10 });
  },
);

test.concurrent.each([
  ['a piece of a save', ['ckpt-20.json=[20, '], 'ckpt-20\\.json', ['ckpt-20.json']],
  ['a save of several files', ['ckpt-20.json=20', 'ckpt-20.npz=PK'], '\\.', ['ckpt-20.json', 'ckpt-20.npz']],
  ['a model beside the saves', ['model.json={"a":'], 'model\\.json', ['model.json']],
])('%s that is not whole at the end of the script is kept as output, and named', async (_what, args, name, files) => {
  await using world = await RunWorld.launch({ script: 'leaves-a-piece.py', args });
  const machine = await world.machine('i-1');
  expect(await machine.start()).toBe('off');
  const message = expect.stringMatching(
    `^the workload finished; part of no whole checkpoint, kept as output: ${name} \\(`,
  );
  expect(await world.outcome()).toMatchObject({ status: 'succeeded', durableStep: 10, message });
  const kept = new Map(args.map((each) => each.split('=') as [string, string]));
  const expected = files.map((path) => [`runctl-unproven-saves/${path}`, kept.get(path)] as const);
  expect(await world.output()).toEqual(new Map(expected));
});

test.concurrent('a success is written while the bucket takes no piece of a save', async () => {
  const isPiece = (key: string | null): boolean => key?.includes('runctl-unproven-saves') === true;
  const refusing = (memory: ObjectStore): ObjectStore =>
    intercepted(memory, async (call, perform) => {
      if (isPiece(call.key)) throw new StoreError('denied', 'AccessDenied');
      return perform();
    });
  const timing = { doneGraceMs: 60_000, doneSettleMs: 1500, refusedMs: 3_600_000 };
  const args = ['ckpt-20.json'];
  await using world = await RunWorld.launch({ script: 'is-done-and-hangs.py', args, timing, store: refusing });
  const machine = await world.machine('i-1');
  machine.start().catch(() => {});
  await eventually('the success is written', async () => (await world.outcome()) !== null);
  expect(await machine.workloadLives()).toBe(true);
  expect(await world.outcome()).toMatchObject({ status: 'succeeded', durableStep: 10 });
  await machine.die();
});

test.concurrent('a script that leaves nothing but a piece has an outcome that says so', async () => {
  await using world = await RunWorld.launch({ script: 'leaves-a-piece.py', args: ['ckpt-10.json=[10, '] });
  const machine = await world.machine('i-1');
  expect(await machine.start()).toBe('off');
  const message = expect.stringMatching(/kept as output: ckpt-10\.json \(.*; no whole checkpoint was saved$/);
  expect(await world.outcome()).toMatchObject({ status: 'succeeded', durableStep: null, message });
});

test.concurrent('an agent that finds the success that an earlier one wrote starts nothing again', async () => {
  const timing = { doneGraceMs: 60_000, crashBackoffMs: 0 };
  await using world = await RunWorld.launch({ script: 'fails-after-it-was-done.py', timing });
  const machine = await world.machine('i-1');
  machine.start().catch(() => {});
  await eventually('the success is written', async () => (await world.outcome()) !== null);
  await machine.killAgent();
  await writeFile(`${machine.root}/home/ubuntu/project/enough`, '');
  await eventually('the script has failed', async () => !(await machine.workloadLives()));
  expect(await machine.start()).toBe('off');
  expect(await world.outcome()).toMatchObject({ status: 'succeeded' });
  expect(await world.attemptOutcome(1)).toMatchObject({ status: 'succeeded', exitCode: 3 });
  expect(await world.events(1)).toEqual([]);
});

test.concurrent('a script that ends well and saved nothing has an outcome that says so', async () => {
  await using world = await RunWorld.launch({ script: 'shows-environment.py' });
  const machine = await world.machine('i-1');
  expect(await machine.start()).toBe('off');
  const message = 'the workload finished; nothing was saved: what the script wrote is gone with the machine';
  expect(await world.outcome()).toMatchObject({ status: 'succeeded', message });
});

test.concurrent('a shell that says done after its training was told to stop has not finished', async () => {
  await using world = await RunWorld.launch({
    script: 'says-done-after-its-training.py',
    timing: { noticeMs: 30_000 },
  });
  const machine = await world.machine('i-1');
  machine.start().catch(() => {});
  await eventually('step 10 is durable', async () => (await world.status(1))?.durable?.step === 10);
  machine.imds.notice(30_000);
  await eventually('the outcome', async () => (await world.attemptOutcome(1)) !== null);
  expect(await world.attemptOutcome(1)).toMatchObject({ status: 'interrupted', cause: 'notice', durableStep: 20 });
  expect(await world.outcome()).toBeNull();
  await machine.die();
});
