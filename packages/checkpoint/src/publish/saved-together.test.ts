import { chmod, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { intercepted, MemoryStore } from '@runctl/store';
import { FakeClock, safetensorsOf } from '@runctl/testkit';
import { describe, expect, test } from 'vitest';
import { recognisers } from '../recognise/recognisers.ts';
import { never, openWorld, SETTLE_MS, type World, zipOf } from '../testing/test-world.ts';

/** What is overwritten beside the saves of steps, in the order in which it is written. */
const sets: readonly (readonly [first: string, second: string])[] = [
  ['best/model.pt', 'best/optimizer.pt'],
  ['best_model.pt', 'best_optimizer.pt'],
  ['model_best.pth.tar', 'optimizer_best.pth.tar'],
  ['best.safetensors', 'best.json'],
  ['out/best/a.pt', 'out/best/b.pt'],
];

const MIB = 1024 * 1024;
const contentOf = (path: string, version: number, sizeBytes = 0): string | Buffer => {
  const text = `${path} version ${version} ${'x'.repeat(sizeBytes)}`;
  if (path.endsWith('.json')) return JSON.stringify({ text });
  return path.endsWith('.safetensors')
    ? safetensorsOf(Buffer.from(text.padEnd(Math.ceil(text.length / 4) * 4)))
    : zipOf(text);
};

async function restoredVersions(world: World, set: readonly string[]): Promise<readonly (string | null)[]> {
  await rm(world.folder, { recursive: true });
  await world.restore();
  return Promise.all(
    set.map(async (path) => {
      const text = await readFile(join(world.folder, path), 'utf8').catch(() => '');
      return /version (\d+)/.exec(text)?.[1] ?? null;
    }),
  );
}

async function writeSet(world: World, set: readonly string[], version: number): Promise<void> {
  for (const path of set) await world.write(path, contentOf(path, version));
}

describe.each(sets)('%s and %s', (first, second) => {
  const set = [first, second];

  test.each([first, second])('are kept as they were before where %s changes while they are sent', async (changing) => {
    const clock = new FakeClock();
    let disturb = (): Promise<void> => Promise.resolve();
    const store = intercepted(new MemoryStore({ clock }), async (_, forward) => {
      await disturb();
      return forward();
    });
    await using world = await openWorld({ store, clock });
    const publisher = world.publisher({ recognisers });
    await world.write('step_1.pt', zipOf('step 1'));
    await writeSet(world, set, 1);
    await world.settleAndPass(publisher);
    await clock.advance(60_000);
    await world.write('step_2.pt', zipOf('step 2'));
    await writeSet(world, set, 2);
    let writes = 0;
    disturb = () => writeFile(join(world.folder, changing), contentOf(changing, 3, ++writes));
    expect((await world.settleAndPass(publisher)).published?.step).toBe(2);
    disturb = () => Promise.resolve();
    expect(await restoredVersions(world, set)).toEqual(['1', '1']);
  });

  test('are not mixed by a kill between the two', async () => {
    await using world = await openWorld();
    const publisher = world.publisher({ recognisers });
    await world.write('step_1.pt', zipOf('step 1'));
    await writeSet(world, set, 1);
    await world.settleAndPass(publisher);
    await world.clock.advance(60_000);
    await world.write('step_2.pt', zipOf('step 2'));
    await world.write(first, contentOf(first, 2));
    await world.clock.advance(2 * SETTLE_MS);
    const { published } = await publisher.pass({ signal: never, ended: { clean: false, atMs: world.clock.wallMs() } });
    expect(published?.step).toBe(2);
    expect(await restoredVersions(world, set)).toEqual(['1', '1']);
  });

  test('go along as they are after a clean end', async () => {
    await using world = await openWorld();
    const publisher = world.publisher({ recognisers });
    await world.write('step_1.pt', zipOf('step 1'));
    await writeSet(world, set, 1);
    await world.settleAndPass(publisher);
    await world.write(first, contentOf(first, 2));
    await publisher.pass({ signal: never, ended: { clean: true, atMs: world.clock.wallMs() } });
    expect(await restoredVersions(world, set)).toEqual(['2', '1']);
  });

  test('are kept as they were before where time is too short for one of them', async () => {
    await using world = await openWorld();
    const publisher = world.publisher({ recognisers });
    await world.write('step_1.pt', zipOf('step 1'));
    await writeSet(world, set, 1);
    await world.settleAndPass(publisher);
    await world.clock.advance(60_000);
    await world.write('step_2.pt', zipOf('step 2'));
    await world.write(first, contentOf(first, 2, 2 * MIB));
    await world.write(second, contentOf(second, 2));
    await publisher.pass({ signal: never });
    await world.clock.advance(SETTLE_MS);
    const { published, notDurable } = await publisher.pass({
      signal: never,
      deadlineMs: world.clock.monotonicMs() + 60_000,
    });
    expect(published?.step).toBe(2);
    expect(notDurable).toHaveLength(2);
    expect(await restoredVersions(world, set)).toEqual(['1', '1']);
  });

  test('of which one may not be read, the other goes along', async (context) => {
    context.skip(process.getuid?.() === 0, 'root may read everything');
    await using world = await openWorld();
    await world.write('step_1.pt', zipOf('step 1'));
    await writeSet(world, set, 1);
    await chmod(join(world.folder, second), 0);
    await world.settleAndPass(world.publisher({ recognisers }));
    expect(await restoredVersions(world, set)).toEqual(['1', null]);
  });
});
