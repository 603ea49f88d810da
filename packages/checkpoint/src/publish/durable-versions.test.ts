import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { silentLog } from '@runctl/core';
import type { Manifest } from '@runctl/protocol';
import { intercepted, MemoryStore } from '@runctl/store';
import { FakeClock } from '@runctl/testkit';
import { describe, expect, test } from 'vitest';
import type { PublisherOptions } from '../contract/publisher-port.ts';
import { recognisers } from '../recognise/recognisers.ts';
import { openWorld, type World, zipOf } from '../testing/test-world.ts';

type Files = Readonly<Record<string, string>>;

interface Case {
  readonly name: string;
  /** Beside the first save, which is durable. */
  readonly before: Files;
  /** Beside the second save; null takes a file away. */
  readonly later: Readonly<Record<string, string | null>>;
  /** Written while the second one is sent, so that its version can't be kept. */
  readonly meanwhile: string;
  /** Of which the bucket has lost the object by then. */
  readonly lost?: string;
  /** What the next life finds beside the second save. */
  readonly restored: Files;
}

const cases: readonly Case[] = [
  {
    name: 'a database whose log was folded into it',
    before: { 'study.db': 'a', 'study.db-wal': 'b', 'study.db-shm': 'c' },
    later: { 'study.db': 'ab', 'study.db-wal': null, 'study.db-shm': null },
    meanwhile: 'study.db',
    restored: { 'study.db': 'a', 'study.db-wal': 'b', 'study.db-shm': 'c' },
  },
  {
    name: 'a database with a journal that is gone by now',
    before: { 'runs.sqlite': 'a', 'runs.sqlite-journal': 'b' },
    later: { 'runs.sqlite': 'c', 'runs.sqlite-journal': null },
    meanwhile: 'runs.sqlite',
    restored: { 'runs.sqlite': 'a', 'runs.sqlite-journal': 'b' },
  },
  {
    name: 'a database that begins a log',
    before: { 'x.sqlite3': 'a' },
    later: { 'x.sqlite3-wal': 'b' },
    meanwhile: 'x.sqlite3-wal',
    restored: { 'x.sqlite3': 'a' },
  },
  {
    name: 'DuckDB with a log that was folded in',
    before: { 'm.duckdb': 'a', 'm.duckdb.wal': 'b' },
    later: { 'm.duckdb': 'ab', 'm.duckdb.wal': null },
    meanwhile: 'm.duckdb',
    restored: { 'm.duckdb': 'a', 'm.duckdb.wal': 'b' },
  },
  {
    name: 'a database of which the bucket has lost the log',
    before: { 'study.db': 'a', 'study.db-wal': 'b' },
    later: { 'study.db': 'ab' },
    meanwhile: 'study.db',
    lost: 'study.db-wal',
    restored: {},
  },
  {
    name: 'a database of which the bucket has lost all but the log',
    before: { 'study.db': 'a', 'study.db-wal': 'b' },
    later: { 'study.db-wal': 'bc' },
    meanwhile: 'study.db-wal',
    lost: 'study.db',
    restored: {},
  },
  {
    name: 'two databases, of which one moves',
    before: { 'a.db': 'a', 'a.db-wal': 'b', 'c.db': 'c', 'c.db-wal': 'd' },
    later: { 'a.db': 'ab', 'a.db-wal': null, 'c.db': 'cd', 'c.db-wal': 'e' },
    meanwhile: 'a.db',
    restored: { 'a.db': 'a', 'a.db-wal': 'b', 'c.db': 'cd', 'c.db-wal': 'e' },
  },
  {
    name: 'a pointer that the bucket has lost',
    before: { 'latest.txt': 'step_1.pt', 'vocab.json': '{}' },
    later: { 'latest.txt': 'step_9.pt' },
    meanwhile: 'vocab.json',
    lost: 'latest.txt',
    restored: { 'vocab.json': '{}' },
  },
  {
    name: 'a pointer whose save the bucket has lost',
    before: { 'latest.txt': 'step_1.pt' },
    later: { 'latest.txt': 'step_9.pt', 'step_1.pt': null },
    meanwhile: 'latest.txt',
    lost: 'step_1.pt',
    restored: {},
  },
  {
    name: 'a vocabulary that the bucket has lost beside a pointer that it has',
    before: { last_checkpoint: 'step_1.pt', 'vocab.json': '{}' },
    later: { last_checkpoint: 'step_9.pt' },
    meanwhile: 'vocab.json',
    lost: 'vocab.json',
    restored: { last_checkpoint: 'step_1.pt', 'step_1.pt': String(zipOf('step 1')) },
  },
];

async function written(world: World, files: Readonly<Record<string, string | null>>): Promise<void> {
  for (const [path, content] of Object.entries(files))
    if (content === null) await rm(join(world.folder, path));
    else await world.write(path, content);
}

async function besides(world: World, save: string): Promise<Files> {
  const names = (await readdir(world.folder)).filter((name) => name !== save);
  return Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, await readFile(join(world.folder, name), 'utf8')] as const)),
  );
}

describe.each(cases)('$name', ({ before, later, meanwhile, lost, restored }) => {
  test('is kept as it was before, whole or not at all', async () => {
    const clock = new FakeClock();
    const memory = new MemoryStore({ clock });
    let disturb = (): Promise<void> => Promise.resolve();
    const store = intercepted(memory, async (_, forward) => {
      await disturb();
      return forward();
    });
    await using world = await openWorld({ store, clock });
    const warned: string[] = [];
    const log: PublisherOptions['log'] = { ...silentLog, warn: (fields) => warned.push(JSON.stringify(fields)) };
    const publisher = world.publisher({ recognisers, log });
    await world.write('step_1.pt', zipOf('step 1'));
    await written(world, before);
    const first = (await world.settleAndPass(publisher)).published as Manifest;
    const losing = first.files.filter(({ path }) => path === lost).map(({ key }) => key);
    await memory.delete(losing);
    await world.clock.advance(1000);
    await world.write('step_2.pt', zipOf('step 2'));
    await written(world, later);
    let writes = 0;
    disturb = () => writeFile(join(world.folder, meanwhile), `rewritten ${++writes}`);
    await world.settleAndPass(publisher);
    disturb = () => Promise.resolve();
    await rm(world.folder, { recursive: true });
    expect((await world.restore())?.manifest.step).toBe(2);
    expect(await besides(world, 'step_2.pt')).toEqual(restored);
    expect(warned.filter((fields) => fields.includes(lost ?? 'nothing was lost'))).toHaveLength(
      lost === undefined ? 0 : 1,
    );
  });
});
