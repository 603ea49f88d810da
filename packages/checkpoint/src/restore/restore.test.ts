import { mkdir, readFile, readdir, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { silentLog } from '@runctl/core';
import {
  decodeDocument,
  encodeDocument,
  type Manifest,
  manifest as manifestSchema,
  PART_SIZE_BYTES,
  runKeys,
} from '@runctl/protocol';
import { DirectoryStore, intercepted, MemoryStore, readBytes, StoreError } from '@runctl/store';
import { FakeClock, temporaryFolder } from '@runctl/testkit';
import { expect, test } from 'vitest';
import { never, openWorld, RUN, type World, zipOf } from '../testing/test-world.ts';
import { setTornAside } from './place.ts';
import { prefetchLatest, settlePrefetched } from './restore.ts';
import { listCheckpoints, verifyCheckpoint } from '../inspect/verify.ts';

const keyOf = (seq: number, generation = 1): string => runKeys(RUN).manifest({ generation, seq });

/** A world in which steps 100, 200 and 300 are published, and a second machine with an empty folder. */
async function publishedWorld(): Promise<{ world: World; machine: World }> {
  const world = await openWorld();
  const publisher = world.publisher();
  for (const step of [100, 200, 300]) {
    await world.write(`checkpoint-${step}/model.bin`, `weights of ${step}`);
    await world.write(`checkpoint-${step}/deep/state.json`, JSON.stringify({ step }));
    await world.settleAndPass(publisher);
  }
  return { world, machine: await openWorld({ clock: world.clock, store: world.store }) };
}

async function manifestAt(world: World, key: string): Promise<Manifest> {
  return decodeDocument(manifestSchema, await readBytes(world.store, key), key);
}

const contentOf = (world: World, path: string): Promise<string> => readFile(join(world.folder, path), 'utf8');

test('brings the latest checkpoint to a machine that has none', async () => {
  const { world, machine } = await publishedWorld();
  await using _ = world;
  await using __ = machine;
  const restored = await machine.restore();
  expect(restored).toMatchObject({ manifestKey: keyOf(3), warnings: [], rejected: [], manifest: { step: 300 } });
  expect(restored?.entryPath).toBe(join(machine.folder, 'checkpoint-300'));
  expect(await contentOf(machine, 'checkpoint-300/model.bin')).toBe('weights of 300');
  expect(await contentOf(machine, 'checkpoint-300/deep/state.json')).toBe('{"step":300}');
  expect(await readdir(machine.root)).toEqual(['checkpoints']);
});

test('makes the folder when it is missing', async () => {
  const { world, machine } = await publishedWorld();
  await using _ = world;
  await using __ = machine;
  const folder = join(machine.root, 'not', 'there');
  expect((await machine.restore({ folder }))?.entryPath).toBe(join(folder, 'checkpoint-300'));
});

test('a run without checkpoints has nothing to restore, and the folder stays as it is', async () => {
  await using world = await openWorld();
  await world.write('pretrained.bin', 'mine');
  expect(await world.restore()).toBeNull();
  expect(await contentOf(world, 'pretrained.bin')).toBe('mine');
});

test('resumes from the previous checkpoint when the newest manifest is missing a file', async () => {
  const { world, machine } = await publishedWorld();
  await using _ = world;
  await using __ = machine;
  await world.store.delete([String((await manifestAt(world, keyOf(3))).files[0]?.key)]);
  const restored = await machine.restore();
  expect(restored).toMatchObject({ manifestKey: keyOf(2), rejected: [keyOf(3)], manifest: { step: 200 } });
  expect(restored?.warnings).toMatchObject([expect.stringMatching(/step 300\) could not be used: .* is missing/)]);
  expect(await readdir(machine.folder)).toEqual(['checkpoint-200']);
});

test('goes back as far as it takes past bytes that are not what was saved', async () => {
  const { world, machine } = await publishedWorld();
  await using _ = world;
  await using __ = machine;
  const [, third] = (await manifestAt(world, keyOf(3))).files;
  const [, second] = (await manifestAt(world, keyOf(2))).files;
  await world.store.put(String(third?.key), Buffer.alloc(third?.sizeBytes ?? 0, 1));
  await world.store.put(String(second?.key), Buffer.from('shorter'));
  const restored = await machine.restore();
  expect(restored).toMatchObject({ manifest: { step: 100 }, rejected: [keyOf(3), keyOf(2)] });
  expect(restored?.warnings).toMatchObject([expect.stringContaining('crc32'), expect.stringContaining('bytes')]);
});

test('goes around a manifest that is missing or unreadable by the listing', async () => {
  const { world, machine } = await publishedWorld();
  await using _ = world;
  await using __ = machine;
  await world.store.delete([keyOf(3)]);
  await world.store.put(keyOf(2), Buffer.from('{"version":1'));
  expect(await machine.restore()).toMatchObject({ manifest: { step: 100 }, rejected: [keyOf(3), keyOf(2)] });
});

test('takes the newest listed manifest when the pointer is lost, and says so', async () => {
  const { world, machine } = await publishedWorld();
  await using _ = world;
  await using __ = machine;
  await world.store.delete([runKeys(RUN).latest]);
  const restored = await machine.restore();
  expect(restored).toMatchObject({ manifest: { step: 300 }, warnings: [expect.stringContaining('latest.json')] });
});

test('refuses to start over silently when no checkpoint can be restored', async () => {
  const { world, machine } = await publishedWorld();
  await using _ = world;
  await using __ = machine;
  const data: string[] = [];
  for (const key of await world.keys(runKeys(RUN).dataRoot)) data.push(key);
  await world.store.delete(data);
  await expect(machine.restore()).rejects.toMatchObject({ code: 'checkpoint-not-found' });
});

test('a manifest of a newer format is an error, never passed over', async () => {
  const { world, machine } = await publishedWorld();
  await using _ = world;
  await using __ = machine;
  await world.store.put(keyOf(3), Buffer.from('{"version":99}'));
  await expect(machine.restore()).rejects.toMatchObject({ code: 'newer-format' });
});

test.each(['../outside', '/etc/passwd', 'a/../../b', 'a//b', './a', '..', 'a\\..\\b'])(
  'refuses a manifest whose path is %s',
  async (path) => {
    const { world, machine } = await publishedWorld();
    await using _ = world;
    await using __ = machine;
    const manifest = await manifestAt(world, keyOf(3));
    const files = manifest.files.map((file, index) => (index === 0 ? { ...file, path } : file));
    await world.store.put(keyOf(3), encodeDocument(manifestSchema, { ...manifest, files }));
    const restored = await machine.restore();
    expect(restored).toMatchObject({ manifest: { step: 200 }, warnings: [expect.stringContaining('leads out')] });
    expect(await readdir(machine.root)).toEqual(['checkpoints']);
  },
);

test.each([
  ['a part size that is not that of the grid', { partSizeBytes: PART_SIZE_BYTES * 2 ** 20 }],
  ['fewer hashes than parts', { partSha256: [] }],
])('refuses a manifest with %s', async (_what, change) => {
  const { world, machine } = await publishedWorld();
  await using _ = world;
  await using __ = machine;
  const manifest = await manifestAt(world, keyOf(3));
  const files = manifest.files.map((file, index) => (index === 0 ? { ...file, ...change } : file));
  await world.store.put(keyOf(3), encodeDocument(manifestSchema, { ...manifest, files }));
  const restored = await machine.restore();
  expect(restored).toMatchObject({ manifest: { step: 200 }, warnings: [expect.stringContaining('parts of')] });
});

test('keeps local files that are right and repairs those that are not', async () => {
  const { world, machine } = await publishedWorld();
  await using _ = world;
  await using __ = machine;
  await machine.restore();
  const before = await stat(join(machine.folder, 'checkpoint-300/deep/state.json'));
  await writeFile(join(machine.folder, 'checkpoint-300/model.bin'), 'torn');
  const gets: string[] = [];
  const store = intercepted(machine.store, async (call, perform) => {
    if (call.operation === 'get' && call.key?.includes('/data/')) gets.push(call.key);
    return perform();
  });
  const restored = await machine.restore({ store });
  expect(gets).toMatchObject([expect.stringContaining('model.bin')]);
  expect(await contentOf(machine, 'checkpoint-300/model.bin')).toBe('weights of 300');
  expect((await stat(join(machine.folder, 'checkpoint-300/deep/state.json'))).ino).toBe(before.ino);
  expect(restored?.warnings).toMatchObject([expect.stringContaining('moved to')]);
  expect(await readFile(join(machine.root, '.runctl-set-aside-checkpoints-1/checkpoint-300/model.bin'), 'utf8')).toBe(
    'torn',
  );
});

test('a restore that changes nothing leaves every file in place', async () => {
  const { world, machine } = await publishedWorld();
  await using _ = world;
  await using __ = machine;
  await machine.restore();
  const before = await stat(join(machine.folder, 'checkpoint-300'));
  expect((await machine.restore())?.warnings).toEqual([]);
  expect((await stat(join(machine.folder, 'checkpoint-300'))).ino).toBe(before.ino);
});

test('later steps and torn files beside a restored step are set aside, earlier steps and logs stay', async () => {
  const { world, machine } = await publishedWorld();
  await using _ = world;
  await using __ = machine;
  await machine.write('checkpoint-250/model.bin', 'earlier');
  await machine.write('checkpoint-1000/model.bin', 'nobody knows whether this was finished');
  await machine.write('best.json', '{"torn":');
  await machine.write('train.log', 'line');
  await machine.restore();
  expect((await readdir(machine.folder)).sort()).toEqual(['checkpoint-250', 'checkpoint-300', 'train.log']);
  expect((await readdir(join(machine.root, '.runctl-set-aside-checkpoints-1'))).sort()).toEqual([
    'best.json',
    'checkpoint-1000',
  ]);
});

test('earlier steps in the restored folder stay, later ones and what bears no step are set aside', async () => {
  await using world = await openWorld();
  await world.write('run/hparams.yaml', 'a: 1');
  await world.write('run/step_10.pt', zipOf('ten'));
  await world.settleAndPass(world.publisher());
  await world.write('run/step_5.pt', zipOf('five'), 60_000);
  await world.write('run/step_20.pt', zipOf('twenty'));
  await world.write('run/step_6.pt', zipOf('six').subarray(0, 40), 60_000);
  await world.write('run/notes.txt', 'other');
  const restored = await world.restore();
  expect(restored?.manifest.files.map(({ path }) => path)).toEqual(['run/hparams.yaml', 'run/step_10.pt']);
  expect((await readdir(join(world.folder, 'run'))).sort()).toEqual(['hparams.yaml', 'step_10.pt', 'step_5.pt']);
  expect(restored?.warnings).toMatchObject([expect.stringContaining('moved to')]);
});

test('beside a checkpoint without a step in its name everything that is not in it is set aside', async () => {
  await using world = await openWorld();
  await world.write('state.json', '{"step":1}');
  await world.settleAndPass(world.publisher());
  await world.write('state.json', '{"step":2');
  await world.write('extra.bin', 'of a later save');
  const restored = await world.restore();
  expect(restored?.entryPath).toBe(join(world.folder, 'state.json'));
  expect(await contentOf(world, 'state.json')).toBe('{"step":1}');
  expect(await readdir(world.folder)).toEqual(['state.json']);
});

test('a link that leads out of the folder is replaced, not written through', async () => {
  const { world, machine } = await publishedWorld();
  await using _ = world;
  await using __ = machine;
  await mkdir(join(machine.root, 'elsewhere'));
  await writeFile(join(machine.root, 'elsewhere', 'model.bin'), 'not ours');
  await symlink(join(machine.root, 'elsewhere'), join(machine.folder, 'checkpoint-300'));
  await machine.restore();
  expect(await readFile(join(machine.root, 'elsewhere', 'model.bin'), 'utf8')).toBe('not ours');
  expect(await contentOf(machine, 'checkpoint-300/model.bin')).toBe('weights of 300');
});

test('a prefetched checkpoint is put in place without downloading again', async () => {
  const { world, machine } = await publishedWorld();
  await using _ = world;
  await using __ = machine;
  let gets = 0;
  const store = intercepted(machine.store, async (call, perform) => {
    if (call.operation === 'get' && call.key?.includes('/data/')) gets++;
    return perform();
  });
  const options = { store, run: RUN, folder: machine.folder, clock: machine.clock, log: silentLog, signal: never };
  const prefetched = await prefetchLatest(options);
  expect(await readdir(machine.folder)).toEqual([]);
  const getsBefore = gets;
  expect((await settlePrefetched(options, prefetched))?.manifest.step).toBe(300);
  expect(gets).toBe(getsBefore);
});

test('what the old holder commits during the prefetch is what gets restored', async () => {
  const { world, machine } = await publishedWorld();
  await using _ = world;
  await using __ = machine;
  const { store, clock, folder } = machine;
  const options = { store, run: RUN, folder, clock, log: silentLog, signal: never };
  const prefetched = await prefetchLatest(options);
  await world.write('checkpoint-400/model.bin', 'saved on the notice');
  await world.write('checkpoint-400/deep/state.json', '{}');
  await world.settleAndPass(world.publisher());
  expect(await settlePrefetched(options, prefetched)).toMatchObject({ manifest: { step: 400 } });
  expect(await readdir(folder)).toEqual(['checkpoint-400']);
});

test('a checkpoint damaged in the bucket is replaced by the next commit even if its content is the same', async () => {
  const { world, machine } = await publishedWorld();
  await using _ = world;
  await using __ = machine;
  const [file] = (await manifestAt(world, keyOf(3))).files;
  await world.store.put(String(file?.key), Buffer.from('damaged'));
  const rejected = (await machine.restore())?.rejected ?? [];
  const mayPublish = () => ({ generation: 2 });
  await machine.write('checkpoint-300/model.bin', 'weights of 300');
  await machine.write('checkpoint-300/deep/state.json', JSON.stringify({ step: 300 }));
  await machine.settleAndPass(machine.publisher({ mayPublish, rejected }));
  expect(await verifyCheckpoint({ store: machine.store, run: RUN, signal: never })).toMatchObject({
    manifestKey: keyOf(1, 2),
    problems: [],
  });
});

test('a connection that breaks while a file comes is tried again', async () => {
  const clock = new FakeClock();
  let failures = 2;
  const store = intercepted(new MemoryStore({ clock }), async (call, perform) => {
    if (call.operation === 'get' && call.key?.includes('/data/') && failures-- > 0)
      throw new StoreError('transient', 'connection reset');
    return perform();
  });
  await using world = await openWorld({ clock, store });
  await world.write('checkpoint-100/model.bin', 'weights');
  await world.settleAndPass(world.publisher());
  await using machine = await openWorld({ clock, store });
  const restored = await clock.runUntil(machine.restore(), { limitMs: 600_000 });
  expect(restored).toMatchObject({ manifest: { step: 100 }, warnings: [] });
});

test('a restore that was cut off is finished by the next one', async () => {
  const { world, machine } = await publishedWorld();
  await using _ = world;
  await using __ = machine;
  const stop = new AbortController();
  const store = intercepted(machine.store, async (call, perform) => {
    const result = await perform();
    if (call.operation === 'get' && call.key?.includes('/data/')) stop.abort(new Error('the machine died'));
    return result;
  });
  await expect(machine.restore({ store, signal: stop.signal, concurrency: 1 })).rejects.toThrow();
  expect((await machine.restore())?.manifest.step).toBe(300);
  expect(await readdir(machine.root)).toEqual(['checkpoints']);
});

test('reports progress in bytes up to the whole', async () => {
  const { world, machine } = await publishedWorld();
  await using _ = world;
  await using __ = machine;
  const seen: { doneBytes: number; totalBytes: number }[] = [];
  await machine.restore({ onProgress: (progress) => seen.push(progress) });
  const last = seen.at(-1);
  expect(last?.totalBytes).toBe('weights of 300{"step":300}'.length);
  expect(last?.doneBytes).toBe(last?.totalBytes);
});

test('verifying reads every byte and names what does not hold', async () => {
  const { world, machine } = await publishedWorld();
  await using _ = world;
  await using __ = machine;
  expect(await verifyCheckpoint({ store: world.store, run: RUN, signal: never })).toMatchObject({ problems: [] });
  const [file] = (await manifestAt(world, keyOf(3))).files;
  await world.store.put(String(file?.key), Buffer.from('damaged'));
  const report = await verifyCheckpoint({ store: world.store, run: RUN, signal: never });
  expect(report.problems).toMatchObject([expect.stringContaining(String(file?.path))]);
});

test('lists checkpoints and tells those that were never committed', async () => {
  const { world, machine } = await publishedWorld();
  await using _ = world;
  await using __ = machine;
  const orphan = { ...(await manifestAt(world, keyOf(3))), generation: 2, seq: 1 };
  await world.store.put(keyOf(1, 2), encodeDocument(manifestSchema, orphan));
  expect(await listed(world)).toEqual({ 100: true, 200: true, 300: true, '300 again': false });
});

async function listed(world: World): Promise<Record<string, boolean | null>> {
  const { checkpoints, latestKey } = await listCheckpoints({ store: world.store, run: RUN, signal: never });
  const after = checkpoints.filter(({ manifestKey }) => manifestKey > (latestKey ?? keyOf(9, 9)));
  return Object.fromEntries(
    checkpoints.map((each) => [`${each.manifest.step}${after.includes(each) ? ' again' : ''}`, each.committed]),
  );
}

test.each<[string, (world: World) => Promise<unknown>, Record<string, boolean | null>]>([
  ['the latest manifest is damaged', (world) => world.store.put(keyOf(3), Buffer.from('{')), { 100: null, 200: null }],
  ['one between is damaged', (world) => world.store.put(keyOf(2), Buffer.from('{')), { 100: null, 300: true }],
  ['one between was pruned', (world) => world.store.delete([keyOf(2)]), { 100: true, 300: true }],
  [
    'the pointer is damaged',
    (world) => world.store.put(runKeys(RUN).latest, Buffer.from('{')),
    { 100: null, 200: null, 300: null },
  ],
])('where %s, a list claims of no checkpoint what cannot be known', async (_, damage, expected) => {
  const { world, machine } = await publishedWorld();
  await using __ = world;
  await using ___ = machine;
  await damage(world);
  expect(await listed(world)).toEqual(expected);
});

test.each([
  ['itself', keyOf(3)],
  ['a later one', keyOf(7)],
  ["another run's", runKeys('r-zzzzzzzzzz').manifest({ generation: 1, seq: 1 })],
  ['no manifest', 'names/mine'],
])('a manifest whose `previous` is %s leads to the one that is listed before it', async (_, previous) => {
  const { world, machine } = await publishedWorld();
  await using __ = world;
  await using ___ = machine;
  const newest = await manifestAt(world, keyOf(3));
  await world.store.put(keyOf(3), encodeDocument(manifestSchema, { ...newest, previous }));
  await world.store.delete([String(newest.files[0]?.key)]);
  expect(await machine.restore()).toMatchObject({ manifest: { step: 200 }, rejected: [keyOf(3)] });
});

test('torn files are set aside where there is no checkpoint to put in their place', async () => {
  await using world = await openWorld();
  await world.write('state.json', '{"step":');
  await world.write('pretrained.bin', 'mine');
  expect(await setTornAside(world.folder)).toEqual(['state.json']);
  expect(await readdir(world.folder)).toEqual(['pretrained.bin']);
});

test('what a killed save has left is set aside, since nothing tells that it is not whole', async () => {
  await using world = await openWorld();
  await world.write('pretrained.bin', 'mine', 60_000);
  await world.write('model.bin', 'the first of two files');
  await world.write('train.log', 'a line');
  const cutOffSinceMs = world.clock.wallMs() - 1000;
  expect(await setTornAside(world.folder, { cutOffSinceMs })).toEqual(['model.bin']);
  expect((await readdir(world.folder)).sort()).toEqual(['pretrained.bin', 'train.log']);
});

test.each(['memory', 'directory'] as const)(
  'files of several parts come back as they were (%s store)',
  async (kind) => {
    const clock = new FakeClock();
    await using place = await temporaryFolder();
    const store =
      kind === 'memory' ? new MemoryStore({ clock }) : new DirectoryStore({ root: place.path, clock, sync: false });
    await using world = await openWorld({ clock, store });
    const large = Buffer.alloc(2 * PART_SIZE_BYTES + 5);
    for (let at = 0; at < large.length; at += 4096) large.writeUInt32LE(at, Math.min(at, large.length - 4));
    await world.write('checkpoint-1/large.bin', large);
    await world.write('checkpoint-1/empty.txt', '');
    const { published } = await world.settleAndPass(world.publisher());
    expect(published?.files.map((file) => file.partCrc32.length)).toEqual([1, 3]);
    expect(await verifyCheckpoint({ store, run: RUN, signal: never })).toMatchObject({ problems: [] });
    await using machine = await openWorld({ clock, store });
    await machine.restore();
    expect(large.equals(await readFile(join(machine.folder, 'checkpoint-1/large.bin')))).toBe(true);
    expect(await contentOf(machine, 'checkpoint-1/empty.txt')).toBe('');
  },
);

test('a manifest that landed late, without pointer and without bytes, keeps no run from beginning', async () => {
  await using world = await openWorld();
  await world.write('checkpoint-100/model.bin', 'weights of 100');
  await world.settleAndPass(world.publisher());
  await world.store.delete([runKeys(RUN).latest]);
  const bytes = (await world.keys()).filter((key) => key.includes('/data/'));
  await using machine = await openWorld({ clock: world.clock, store: world.store });
  // As long as there are bytes, the pointer may only be lost.
  await world.store.put(bytes[0] ?? '', Buffer.from('weights of 10x'));
  await expect(machine.restore()).rejects.toThrow("none of the run's 1 checkpoints can be restored");
  await world.store.delete(bytes);
  expect(await machine.restore()).toBeNull();
});

test('where a pointer names a checkpoint whose bytes are gone, the run is not begun anew', async () => {
  const { world, machine } = await publishedWorld();
  await using _ = world;
  await using __ = machine;
  await world.store.delete((await world.keys()).filter((key) => key.includes('/data/')));
  await expect(machine.restore()).rejects.toThrow("none of the run's 3 checkpoints can be restored");
});
