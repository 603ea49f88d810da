import { randomBytes } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeDocument, manifest as manifestSchema, PART_SIZE_BYTES, runKeys } from '@runctl/protocol';
import { intercepted, type ObjectStore, readBytes, StoreError } from '@runctl/store';
import { expect, test } from 'vitest';
import { openWorld, RUN, type World } from '../testing/test-world.ts';

const keyOf = (seq: number): string => runKeys(RUN).manifest({ generation: 1, seq });

/** A world with one checkpoint of one file of four parts, and a machine with an empty folder. */
async function publishedWorld(): Promise<{ world: World; machine: World; bytes: Buffer }> {
  const world = await openWorld();
  const bytes = randomBytes(3 * PART_SIZE_BYTES + 5);
  await world.write('checkpoint-1/model.bin', bytes);
  await world.settleAndPass(world.publisher());
  return { world, machine: await openWorld({ clock: world.clock, store: world.store }), bytes };
}

type Get = ObjectStore['get'];

/** A store whose reading of checkpoint data goes through `around`, which learns where a range begins. */
function reading(
  store: ObjectStore,
  around: (start: number, perform: () => ReturnType<Get>) => ReturnType<Get>,
): ObjectStore {
  const passing = intercepted(store, (_call, perform) => perform());
  passing.get = (key, options) => {
    const perform = () => store.get(key, options);
    return key.includes('/data/') ? around(options?.range?.start ?? 0, perform) : perform();
  };
  return passing;
}

test('a restore that died in the middle of a file fetches only the parts that are missing', async () => {
  const { world, machine, bytes } = await publishedWorld();
  await using _ = world;
  await using __ = machine;
  const stop = new AbortController();
  const dying = reading(machine.store, async (start, perform) => {
    const result = await perform();
    if (start >= PART_SIZE_BYTES) stop.abort(new Error('died'));
    return result;
  });
  await expect(machine.restore({ store: dying, signal: stop.signal })).rejects.toThrow();
  const [staging = ''] = (await readdir(machine.root)).filter((name) => name.startsWith('.runctl-restore'));
  const staged = join(machine.root, staging, 'checkpoint-1/model.bin');
  // Whatever was written in time, two parts are right now, and the third is half written.
  await writeFile(staged, Buffer.concat([bytes.subarray(0, 2 * PART_SIZE_BYTES), Buffer.alloc(1000)]));
  const asked: number[] = [];
  const counting = reading(machine.store, (start, perform) => {
    asked.push(start / PART_SIZE_BYTES);
    return perform();
  });
  const progress: number[] = [];
  const onProgress = ({ doneBytes }: { doneBytes: number }) => void progress.push(doneBytes);
  await machine.restore({ store: counting, onProgress });
  expect(asked.sort((a, b) => a - b)).toEqual([2, 3]);
  expect(progress[0]).toBe(PART_SIZE_BYTES);
  expect(progress.at(-1)).toBe(bytes.byteLength);
  expect(bytes.equals(await readFile(join(machine.folder, 'checkpoint-1/model.bin')))).toBe(true);
});

test('a connection that breaks costs the parts under way, not the file', async () => {
  const { world, machine, bytes } = await publishedWorld();
  await using _ = world;
  await using __ = machine;
  let broken = 0;
  const breaking = reading(machine.store, async (start, perform) => {
    if (start === 3 * PART_SIZE_BYTES && broken++ === 0) throw new StoreError('transient', 'reset');
    return perform();
  });
  const restoring = machine.restore({ store: breaking });
  expect(await world.clock.runUntil(restoring, { limitMs: 36_000_000 })).toMatchObject({ warnings: [] });
  expect(bytes.equals(await readFile(join(machine.folder, 'checkpoint-1/model.bin')))).toBe(true);
});

test.each([
  ['once', 1, null],
  ['every time', Infinity, /part 2 of 4/],
] as const)('a part that comes wrong %s is found as it arrives', async (_how, times, account) => {
  const { world, machine, bytes } = await publishedWorld();
  await using _ = world;
  await using __ = machine;
  let wrong = 0;
  const flipping = reading(machine.store, async (start, perform) => {
    const result = await perform();
    if (start !== PART_SIZE_BYTES || wrong++ >= times) return result;
    const flipped = async function* () {
      for await (const chunk of result.body) yield chunk.map((byte) => byte ^ 1);
    };
    return { ...result, body: flipped() };
  });
  const restoring = machine.restore({ store: flipping });
  if (account === null) {
    expect(await restoring).toMatchObject({ warnings: [] });
    expect(bytes.equals(await readFile(join(machine.folder, 'checkpoint-1/model.bin')))).toBe(true);
  } else {
    await expect(restoring).rejects.toMatchObject({
      code: 'checkpoint-not-found',
      hint: expect.stringMatching(account),
    });
    expect(await readdir(machine.folder)).toEqual([]);
  }
});

test('a checkpoint that was asked for comes, and no other in its place', async () => {
  await using world = await openWorld();
  const publisher = world.publisher();
  for (const step of [1, 2]) {
    await world.write(`checkpoint-${step}/model.bin`, `weights of ${step}`);
    await world.settleAndPass(publisher);
  }
  await using machine = await openWorld({ clock: world.clock, store: world.store });
  await machine.write('mine.txt', 'stays');
  await machine.write('checkpoint-9/model.bin', 'stays too');
  const restored = await machine.restore({ manifestKey: keyOf(1), leaveOthers: true });
  expect(restored).toMatchObject({ manifest: { step: 1 }, warnings: [] });
  expect((await readdir(machine.folder)).sort()).toEqual(['checkpoint-1', 'checkpoint-9', 'mine.txt']);
  const manifest = decodeDocument(manifestSchema, await readBytes(world.store, keyOf(2)), keyOf(2));
  await world.store.delete(manifest.files.map((file) => file.key));
  await expect(machine.restore({ manifestKey: keyOf(2) })).rejects.toMatchObject({
    code: 'checkpoint-not-found',
    message: expect.stringContaining('is missing'),
  });
});
