import { runKeys } from '@runctl/protocol';
import { readBytes } from '@runctl/store';
import { expect, test } from 'vitest';
import { openWorld, RUN, type World } from '../test-world.ts';

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
    const newer = '{"version":2,"shape":"unknown"}\n';
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
