import { decodeDocument, FORMAT_VERSION, manifest as manifestSchema, runKeys } from '@runctl/protocol';
import { MemoryStore, readBytes } from '@runctl/store';
import { FakeClock } from '@runctl/testkit';
import { describe, expect, test } from 'vitest';
import { never, openWorld, RUN, SETTLE_MS, type World } from '../testing/test-world.ts';

const manifestKey = (seq: number): string => runKeys(RUN).manifest({ generation: 1, seq });

/** Steps 100 and 200 are durable; afterwards `damage` is done, and a new agent, which remembers nothing, saves 300. */
async function saveAfter(damage: (world: World) => Promise<void>) {
  const world = await openWorld();
  const publisher = world.publisher();
  for (const step of [100, 200]) {
    await world.write(`checkpoint-${step}/model.bin`, `weights of ${step}`);
    await world.settleAndPass(publisher);
  }
  await damage(world);
  const before = await contentOf(world);
  await world.write('checkpoint-300/model.bin', 'weights of 300');
  const report = await world.settleAndPass(world.publisher());
  const after = await contentOf(world);
  // Nothing that was durable is touched, damaged or not.
  for (const [key, bytes] of before) if (key !== runKeys(RUN).latest) expect(after.get(key), key).toBe(bytes);
  return { world, report };
}

async function contentOf(world: World): Promise<ReadonlyMap<string, string>> {
  const content = new Map<string, string>();
  for (const key of await world.keys()) content.set(key, Buffer.from(await readBytes(world.store, key)).toString());
  return content;
}

test.each<[string, (world: World) => Promise<unknown>]>([
  ['torn pointer', (world) => world.store.put(runKeys(RUN).latest, Buffer.from('{"version":1,"mani'))],
  ['lost pointer', (world) => world.store.delete([runKeys(RUN).latest])],
  ['manifest that was edited by hand', (world) => edit(world, manifestKey(2), '"step":200', '"step":900')],
  ['lost manifest', (world) => world.store.delete([manifestKey(2)])],
  ['manifest of other numbers', async (world) => swap(world)],
])('a %s does not keep the next checkpoint out of the bucket', async (_what, damage) => {
  const { world, report } = await saveAfter(async (given) => void (await damage(given)));
  await using _ = world;
  expect(report.error).toBeNull();
  expect(report.published).toMatchObject({ step: 300, previous: manifestKey(2) });
  await using machine = await openWorld({ clock: world.clock, store: world.store });
  expect(await machine.restore()).toMatchObject({ manifest: { step: 300 }, warnings: [] });
});

test.each([
  ['pointer', runKeys(RUN).latest],
  ['manifest', manifestKey(2)],
])(
  'a %s of a newer format is left alone: nothing is published over it, and the error says what to do',
  async (_, key) => {
    const newer = `{"version":${FORMAT_VERSION + 1},"shape":"unknown"}\n`;
    const { world, report } = await saveAfter(async ({ store }) => void (await store.put(key, Buffer.from(newer))));
    await using __ = world;
    expect(report.published).toBeNull();
    expect(report.error).toMatchObject({ code: 'newer-format', hint: expect.stringContaining('newer one') as string });
    expect(Buffer.from(await readBytes(world.store, key)).toString()).toBe(newer);
    await expect(world.restore()).rejects.toMatchObject({ code: 'newer-format' });
  },
);

async function edit(world: World, key: string, from: string, to: string): Promise<void> {
  const text = Buffer.from(await readBytes(world.store, key)).toString();
  expect(text).toContain(from);
  await world.store.put(key, Buffer.from(text.replace(from, to)));
}

/** A manifest that is sound in itself, in the place of another. */
async function swap(world: World): Promise<void> {
  const first = await readBytes(world.store, manifestKey(1));
  expect(Buffer.from(first).toString()).toContain(`"seq":1`);
  await world.store.put(manifestKey(2), first);
}

describe('an object that was changed in the bucket behind the back of a publisher that counts on it', () => {
  const PART = 1024;
  const tampered = async (world: World, path: string) => {
    const manifest = decodeDocument(manifestSchema, await readBytes(world.store, manifestKey(1)), manifestKey(1));
    const key = manifest.files.find((file) => file.path.endsWith(path))?.key ?? '';
    const bytes = Buffer.from(await readBytes(world.store, key));
    bytes[3] = (bytes[3] ?? 0) ^ 1;
    await world.store.put(key, bytes);
  };

  test.each([
    ['a small file', Buffer.from('frozen weights')],
    ['a file of several parts', Buffer.alloc(3 * PART + 7, 'frozen weights ')],
  ])('is not copied into the next checkpoint: %s', async (_, frozen) => {
    const clock = new FakeClock();
    await using world = await openWorld({ clock, store: new MemoryStore({ clock, minPartBytes: 1 }) });
    const publisher = world.publisher({ partSizeBytes: PART });
    await world.write('checkpoint-100/frozen.bin', frozen);
    await world.write('checkpoint-100/model.bin', 'weights of 100');
    await world.settleAndPass(publisher);
    await tampered(world, 'frozen.bin');
    await world.write('checkpoint-200/frozen.bin', frozen);
    await world.write('checkpoint-200/model.bin', 'weights of 200');
    expect((await world.settleAndPass(publisher)).published?.step).toBe(200);
    await using machine = await openWorld({ clock, store: world.store });
    expect(await machine.restore()).toMatchObject({ manifest: { step: 200 }, warnings: [] });
  });

  test('does not go along from the manifest before', async () => {
    await using world = await openWorld();
    const publisher = world.publisher();
    await world.write('checkpoint-100/model.bin', 'weights of 100');
    await world.write('best.bin', 'the best so far');
    await world.settleAndPass(publisher);
    await tampered(world, 'best.bin');
    await world.write('checkpoint-200/model.bin', 'weights of 200');
    await world.clock.advance(SETTLE_MS);
    await world.write('best.bin', 'a better one that is not still yet');
    await publisher.pass({ signal: never });
    await world.clock.advance(SETTLE_MS / 2);
    await world.write('best.bin', 'a better one that is still being written');
    await world.clock.advance(SETTLE_MS / 2);
    const { published } = await publisher.pass({ signal: never });
    expect(published?.files.map((file) => file.path)).toEqual(['checkpoint-200/model.bin']);
  });
});
