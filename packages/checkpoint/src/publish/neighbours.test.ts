import { appendFile, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { intercepted, MemoryStore } from '@runctl/store';
import { FakeClock } from '@runctl/testkit';
import { describe, expect, test } from 'vitest';
import type { OpenWriters } from '../contract/recogniser.ts';
import { recognisers } from '../recognise/recognisers.ts';
import { never, openWorld, SETTLE_MS, type World, zipOf } from '../testing/test-world.ts';

/** Files beside a save which the script never closes: each is appended to before every look. */
const neighbours: readonly (readonly [name: string, save: string, open: readonly string[]])[] = [
  ['a study by Optuna', 'model.pt', ['study.db']],
  ['SQLite with a write-ahead log', 'model.pt', ['runs.sqlite3', 'runs.sqlite3-wal', 'runs.sqlite3-shm']],
  ['SQLite with a journal', 'state.json', ['history.sqlite', 'history.sqlite-journal']],
  ['a tracker one folder down', 'model.safetensors', ['mlflow/mlflow.db']],
  ['DuckDB', 'weights.bin', ['metrics.duckdb', 'metrics.duckdb.wal']],
  ['LMDB', 'weights.bin', ['cache/data.mdb', 'cache/lock.mdb']],
  ['a database beside steps', 'step_10.pt', ['study.db']],
  ['event files', 'model.pt', ['events.out.tfevents.1700000000.host.1.0']],
  ['a log and a table', 'model.pt', ['train.log', 'metrics.csv']],
  ['a log and a database', 'checkpoint-5/weights.bin', ['train.log', 'study.db']],
];

async function alwaysOpen(paths: ReadonlySet<string>): Promise<OpenWriters> {
  return {
    among: (files) => Promise.resolve(new Set(files.filter(({ path }) => paths.has(path)).map(({ inode }) => inode))),
  };
}

const saved = (path: string): Buffer | string =>
  path.endsWith('.json')
    ? '{}'
    : path.endsWith('.safetensors')
      ? Buffer.from('\u0002\0\0\0\0\0\0\0{}', 'latin1')
      : zipOf('weights');

async function grown(world: World, paths: readonly string[]): Promise<void> {
  for (const path of paths) await appendFile(join(world.folder, path), 'row ');
}

describe.each(neighbours)('%s', (_, save, open) => {
  test('does not hold back what is proven beside it, and goes along as it was', async () => {
    await using world = await openWorld();
    const publisher = world.publisher({ recognisers, openWriters: await alwaysOpen(new Set(open)) });
    await world.write(save, saved(save));
    for (const path of open) await world.write(path, 'row ');
    let published = null;
    for (let look = 0; look < 5 && published === null; look++) {
      ({ published } = await publisher.pass({ signal: never }));
      await grown(world, open);
      await world.clock.advance(SETTLE_MS / 2);
    }
    await publisher.settled();
    const paths = published?.files.map(({ path }) => path) ?? [];
    expect(paths).toContain(save);
    const databases = open.filter((path) => /db|sqlite/.test(path));
    expect(paths).toEqual(expect.arrayContaining(databases));
  });
});

test('files of one database are of one moment: where one changes meanwhile, all are kept as they were before', async () => {
  const clock = new FakeClock();
  let duringUpload = (): Promise<void> => Promise.resolve();
  const store = intercepted(new MemoryStore({ clock }), async (_, forward) => {
    await duringUpload();
    return forward();
  });
  await using world = await openWorld({ store, clock });
  const publisher = world.publisher({ recognisers });
  const database = ['study.db', 'study.db-wal'];
  for (const path of database) await world.write(path, 'first');
  await world.write('step_1.pt', zipOf('1'));
  await world.settleAndPass(publisher);
  for (const path of database) await world.write(path, 'second');
  await world.write('step_2.pt', zipOf('2'));
  duringUpload = () => writeFile(join(world.folder, 'study.db-wal'), `third ${Math.random()}`);
  await world.settleAndPass(publisher);
  duringUpload = () => Promise.resolve();
  await rm(world.folder, { recursive: true });
  const restored = await world.restore();
  expect(restored?.manifest.step).toBe(2);
  const contents = await Promise.all(database.map((path) => readFile(join(world.folder, path), 'utf8')));
  expect(contents).toEqual(['first', 'first']);
});

test('a database that is all there is counts as the checkpoint', async () => {
  await using world = await openWorld();
  await world.write('study.db', 'rows');
  await world.settleAndPass(world.publisher({ recognisers }));
  await rm(world.folder, { recursive: true });
  await world.restore();
  expect(await readdir(world.folder)).toEqual(['study.db']);
});

test('a file that is never still and keeps a checkpoint back for a minute is reported, with why', async () => {
  await using world = await openWorld();
  const publisher = world.publisher({ recognisers });
  await world.write('model.bin', 'weights');
  const reported: string[] = [];
  for (let look = 0; look < 70; look++) {
    await world.write('trace.dat', 'x'.repeat(look + 1));
    const { passedOver, published } = await publisher.pass({ signal: never });
    expect(published).toBeNull();
    reported.push(...passedOver.map(({ path, why }) => `${look} ${path} ${why}`));
    await world.clock.advance(1000);
  }
  expect(reported[0]).toMatch(/^60 \. is not durable yet: .*for a minute.*\(trace\.dat /);
});
