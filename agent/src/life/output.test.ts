import { writeFile } from 'node:fs/promises';
import { intercepted, type ObjectStore, StoreError } from '@runctl/store';
import { expect, test } from 'vitest';
import { eventually } from '../testing/eventually.ts';
import { RunWorld } from '../testing/run-world.ts';

/** Long enough on any machine; a test waits for what comes of it. */
const noticeMs = 60_000;
const KEEPS = { script: 'keeps-output.py', checkpoint: { outputDir: 'out' }, timing: { noticeMs } };
const isOutputFile = (key: string | null): boolean => /\/output\/\d+-/.test(key ?? '');
const isCheckpoint = (key: string | null): boolean => /\/(?:data|manifests)\/|\/latest\.json$/.test(key ?? '');

async function history(world: RunWorld): Promise<string> {
  return (await world.output()).get('history.txt') ?? '';
}

test.concurrent(
  'keeps what a script wrote that saves no checkpoint, and does not say that nothing was saved',
  async () => {
    await using world = await RunWorld.launch({ ...KEEPS, args: ['3', '0', 'never'] });
    const machine = await world.machine('i-1');
    expect(await machine.start()).toBe('off');
    expect(await world.outcome()).toMatchObject({ status: 'succeeded', message: 'the workload finished' });
    expect(await history(world)).toBe('life 1\nstep 1\nstep 2\nstep 3\nfinished\n');
  },
);

test.concurrent('sends the output after the checkpoint on a notice, and the next machine goes on in it', async () => {
  const puts: string[] = [];
  const noting = (memory: ObjectStore): ObjectStore =>
    intercepted(memory, async (call, perform) => {
      const result = await perform();
      if (call.operation === 'put') puts.push(call.key ?? '');
      return result;
    });
  await using world = await RunWorld.launch({ ...KEEPS, args: ['8', '5'], store: noting });
  const first = await world.machine('i-1');
  const life = first.start();
  life.catch(() => {});
  await eventually('the hold', async () => ((await world.status(1))?.step ?? 0) >= 5);
  first.imds.notice(noticeMs);
  await eventually('the outcome', async () => (await world.attemptOutcome(1)) !== null);
  const own = puts.filter((key) => isOutputFile(key) || isCheckpoint(key));
  expect(own.findIndex(isOutputFile)).toBeGreaterThan(own.findLastIndex(isCheckpoint));
  expect(await history(world)).toMatch(/^life 1\n(step \d\n){5}stopped\n$/);
  const second = await world.machine('i-2');
  expect(await second.start()).toBe('off');
  expect(await history(world)).toMatch(/^life 1\n(step \d\n){5}stopped\nlife 2\n(step \d\n){3}finished\n$/);
  await first.die();
});

test.concurrent('an output that never comes to its end takes nothing from the checkpoint, and is named', async () => {
  const hanging = (memory: ObjectStore): ObjectStore =>
    intercepted(memory, (call, perform) => {
      if (!isOutputFile(call.key)) return perform();
      return new Promise((_, reject) => {
        call.signal?.addEventListener('abort', () => reject(call.signal?.reason as Error));
      });
    });
  await using world = await RunWorld.launch({
    ...KEEPS,
    args: ['8', '5'],
    store: hanging,
    timing: { noticeMs, outputMs: 100 },
  });
  const machine = await world.machine('i-1');
  machine.start().catch(() => {});
  await eventually('the hold', async () => ((await world.status(1))?.step ?? 0) >= 5);
  machine.imds.notice(20_000);
  await eventually('the outcome', async () => (await world.attemptOutcome(1)) !== null);
  expect(await world.attemptOutcome(1)).toMatchObject({ status: 'interrupted', durableStep: 5 });
  expect((await world.attemptOutcome(1))?.message).toContain('not durable: the output folder');
  await machine.die();
});

test.concurrent('a finished script whose output the bucket refuses has not succeeded', async () => {
  const refusing = (memory: ObjectStore): ObjectStore =>
    intercepted(memory, (call, perform) => {
      if (isOutputFile(call.key)) throw new StoreError('denied', 'no');
      return perform();
    });
  await using world = await RunWorld.launch({
    ...KEEPS,
    args: ['3', '0'],
    store: refusing,
    timing: { refusedMs: 300 },
  });
  const machine = await world.machine('i-1');
  expect(await machine.start()).toBe('off');
  const { status, message } = (await world.outcome()) ?? {};
  expect(status).toBe('stopped');
  expect(message).toContain('the workload finished; not durable: the output folder');
});

test.concurrent(
  'a model beside the checkpoint folder is told while the script runs, and again in the outcome',
  async () => {
    await using world = await RunWorld.launch({ script: 'saves-elsewhere.py', args: [String(2 * 1024 * 1024)] });
    const machine = await world.machine('i-1');
    const life = machine.start();
    await eventually('the warning', async () =>
      ((await world.status(1))?.warnings ?? []).some((text) => text.includes('outputs/model.pt (2.0 MiB)')),
    );
    await machine.letWorkloadGo();
    expect(await life).toBe('off');
    const { status, message } = (await world.outcome()) ?? {};
    expect(status).toBe('succeeded');
    expect(message).toMatch(/nothing was saved: the script wrote outputs\/model\.pt .*--output-dir outputs$/);
    expect((await world.events(1)).map(({ kind }) => kind)).toContain('written-elsewhere');
  },
);

test.concurrent('keeps what changed while the script runs, and says so in the heartbeat', async () => {
  await using world = await RunWorld.launch({ ...KEEPS, args: ['4', '3'], timing: { noticeMs, outputMs: 100 } });
  const machine = await world.machine('i-1');
  const life = machine.start();
  await eventually('output is kept', async () => ((await world.status(1))?.output?.files ?? 0) === 1);
  expect(await history(world)).toContain('step 3');
  await writeFile(`${machine.root}/home/ubuntu/project/go`, '');
  expect(await life).toBe('off');
  expect(await history(world)).toContain('finished');
});
