import { StoreError, intercepted } from '@runctl/store';
import { readFile, readdir, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { commandWorld, type CommandWorld } from '../../testing/command-world.ts';

const PROJECT = { 'requirements.txt': '', 'train.py': 'print("hello")\n' };
const DAY_MS = 86_400_000;

async function put(world: CommandWorld, ...keys: string[]): Promise<void> {
  for (const key of keys) {
    await world.store.put(key, Buffer.from(key));
    await world.clock.advance(1000);
  }
}

/** A run with two checkpoints whose last launch has ended, or goes on. */
async function writtenRun(world: CommandWorld, name: string, ended: boolean): Promise<string> {
  await world.run(['launch', 'train.py', '--yes', '--detach', '--name', name]);
  const written = await world.launched();
  await written.started(1);
  await written.lease(1, { released: ended });
  await written.checkpoint(1, 1, 10);
  await written.checkpoint(1, 2, 20);
  if (ended) await written.outcome({ status: 'succeeded', message: 'done' });
  return written.run;
}

describe('s3 list', () => {
  test('shows folders and objects, or every object, or one', async () => {
    await using scope = await commandWorld();
    const { world } = scope;
    await put(world, 'a/1', 'a/2/x', 'a/2/y', 'a/3', 'b');
    const lines = async (...argv: string[]) =>
      (await world.run(['s3', 'list', ...argv])).stdout
        .trim()
        .split('\n')
        .map((line) => line.trim().split(/ {2,}/).at(-1));
    expect(await lines()).toEqual(['a/', 'b']);
    expect(await lines('a')).toEqual(['a/2/', 'a/1', 'a/3']);
    expect(await lines('s3://bbb/a/', '-r')).toEqual(['a/1', 'a/2/x', 'a/2/y', 'a/3']);
    expect(await lines('b')).toEqual(['b']);
    const json = await world.run(['s3', 'list', 'b', '--json']);
    expect(JSON.parse(json.stdout)).toMatchObject({ type: 'object', key: 'b', sizeBytes: 1 });
    expect((await world.run(['s3', 'list', 'nothing'])).exitCode).toBe(10);
  });
});

describe('s3 cleanup', () => {
  test('keeps the newest and asks once before it deletes the others', async () => {
    await using scope = await commandWorld();
    const { world } = scope;
    await put(world, 'c/1.pt', 'c/2/model', 'c/2/state', 'c/3.pt', 'c/notes.txt', 'd/other');
    const dry = await world.run(['s3', 'cleanup', 'c', '--keep-last-n', '1', '--pattern', '*.pt', '--dry-run']);
    expect(dry.stdout).toMatch(/^keep {3}3\.pt .*one of the newest 1\ndelete 1\.pt .*\nwould delete 1 of 2/);
    expect((await world.run(['s3', 'cleanup', 'c', '--keep-last-n', '1'])).exitCode).toBe(22);
    expect(await world.keys()).toHaveLength(6);
    world.answer = true;
    const done = await world.run(['s3', 'cleanup', 's3://bbb/c/', '--keep-last-n', '2']);
    expect(done.stdout).toContain('deleted 2 of 4 (24 B): 3 objects');
    expect(await world.keys()).toEqual(['c/3.pt', 'c/notes.txt', 'd/other']);
    expect((await world.run(['s3', 'cleanup', 'c', '--older-than', '1d', '--yes'])).stdout).toContain(
      'nothing to delete',
    );
  });

  test('touches no living run and no part of any run, and takes an ended one with all that names it', async () => {
    await using scope = await commandWorld(PROJECT);
    const { world } = scope;
    const run = await writtenRun(world, 'alive', false);
    await world.clock.advance(3_600_000);
    const before = await world.keys();
    for (const place of [
      '',
      'runs',
      `runs/${run}`,
      `runs/${run}/data`,
      `runs/${run}/manifests`,
      'index',
      'names',
      'code',
    ])
      await world.run(['s3', 'cleanup', place, '--keep-last-n', '0', '--yes']);
    expect(await world.keys()).toEqual(before);
    const shown = await world.run(['s3', 'cleanup', 'runs', '--keep-last-n', '0', '--dry-run']);
    expect(shown.stdout).toContain('has not ended');
  });

  test('an ended run goes as a whole, never in part', async () => {
    await using scope = await commandWorld(PROJECT);
    const { world } = scope;
    const run = await writtenRun(world, 'over', true);
    await world.clock.advance(3_600_000);
    const part = await world.run(['s3', 'cleanup', `runs/${run}`, '--keep-last-n', '0', '--yes', '-v']);
    expect(part.stdout).toContain('could not be resumed without it');
    expect(await world.store.head(`runs/${run}/latest.json`)).not.toBeNull();
    await world.run(['s3', 'cleanup', 'runs', '--older-than', '30m', '--yes']);
    expect((await world.keys()).filter((key) => /runs|index|names/.test(key))).toEqual([]);
  });
});

describe('s3 review', () => {
  test('counts runs, folders and unfinished uploads, and says what could go', async () => {
    await using scope = await commandWorld(PROJECT);
    const { world } = scope;
    const run = await writtenRun(world, 'over', true);
    await put(world, 'data/x', `runs/${run}/data/000001-00000009-aaaaaa/left`);
    const upload = await world.store.createMultipart('data/half');
    await world.store.uploadPart(upload, { partNumber: 1, body: Buffer.alloc(100) });
    const { stdout } = await world.run(['s3', 'review', '-d']);
    expect(stdout).toMatch(/<run> .* 2 +.*ended/);
    expect(stdout).toMatch(/data\/ +6 B +1 /);
    expect(stdout).toMatch(/data\/half +100 B/);
    expect(stdout).toContain('could go: 1 runs that have ended');
    expect(stdout).toContain('in 1 object belong to checkpoints that were never finished');
    expect(stdout).toContain('1 uploads were never finished and are billed: 100 B');
    const json = JSON.parse((await world.run(['s3', 'review', '--json'])).stdout) as { runs: unknown[] };
    expect(json.runs).toMatchObject([{ run: '<run>', checkpoints: 2, alive: null, orphans: { objects: 1 } }]);
  });
});

describe('s3 watch', () => {
  test('prints what is new, changed and gone, also after the bucket was out of reach', async () => {
    await using scope = await commandWorld();
    const { world } = scope;
    await put(world, 'c/old', 'c/dies');
    let unreachable = false;
    const seen = { looks: 0 };
    const listed = world.store.list.bind(world.store);
    world.cloudStore = intercepted(world.store, (_call, perform) => perform());
    world.cloudStore.list = (options) => {
      seen.looks++;
      if (unreachable) throw new StoreError('transient', 'no route');
      return listed(options);
    };
    const result = await world.run(['s3', 'watch', 'c', '--interval', '5'], async () => {
      // The command is loaded in real time, which the world's clock does not wait for.
      while (seen.looks === 0) await world.clock.sleep(100);
      await world.clock.sleep(7000);
      await world.store.put('c/new', Buffer.from('x'));
      await world.store.put('c/old', Buffer.from('other'));
      unreachable = true;
      await world.clock.sleep(5000);
      unreachable = false;
      await world.store.delete(['c/dies']);
      await world.clock.sleep(6000);
      world.interrupts.press();
    });
    expect(result.exitCode).toBe(0);
    expect(result.stdout.replaceAll(/^\S+ +/gm, '')).toBe(
      'new      c/new  1 B\nchanged  c/old  5 B\ngone     c/dies\n',
    );
    expect(result.stderr).toContain('no route; trying again');
  });

  test('keeps a folder in step, leaves young files alone and ends cleanly', async () => {
    await using scope = await commandWorld({ 'out/a': 'first' });
    const { world } = scope;
    const path = (name: string) => join(world.folder, 'out', name);
    const old = new Date(world.clock.wallMs() - DAY_MS);
    await utimes(path('a'), old, old);
    const result = await world.run(['s3', 'watch', 'out', 'c', '--direction', 'both', '--interval', '5'], async () => {
      const until = async (isSo: () => Promise<boolean>) => {
        while (!(await isSo())) await world.clock.sleep(100);
      };
      const uploaded = (key: string) => until(async () => (await world.store.head(key)) !== null);
      await uploaded('c/a');
      await world.store.put('c/theirs', Buffer.from('theirs'));
      const now = new Date(world.clock.wallMs());
      await writeFile(join(world.folder, 'new'), 'half');
      await utimes(join(world.folder, 'new'), now, now);
      await rename(join(world.folder, 'new'), path('young'));
      await rm(path('a'));
      await uploaded('c/young');
      expect(world.clock.wallMs() - now.getTime()).toBeGreaterThanOrEqual(2000);
      await until(async () => (await readdir(join(world.folder, 'out'))).length === 3);
      world.interrupts.press();
    });
    expect(result).toMatchObject({ exitCode: 0 });
    expect(await readFile(path('theirs'), 'utf8')).toBe('theirs');
    expect((await readdir(join(world.folder, 'out'))).sort()).toEqual(['a', 'theirs', 'young']);
    expect(await world.keys()).toEqual(['c/a', 'c/theirs', 'c/young']);
  });
});
