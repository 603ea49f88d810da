import { mkdir, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { FakeClock, temporaryFolder } from '@runctl/testkit';
import { expect, test } from 'vitest';
import type { FileSeen } from '../contract/recogniser.ts';
import { FolderSightings } from './folder-sightings.ts';
import { fingerprintOf } from './scan.ts';
import { observe } from './sightings.ts';

/** A real folder whose files somebody has open for writing as `open` says. */
async function looking() {
  const folder = await temporaryFolder('sightings');
  const open = new Set<string>();
  const clock = new FakeClock();
  const openWriters = {
    among: (files: readonly FileSeen[]) =>
      Promise.resolve<ReadonlySet<string> | null>(
        new Set(files.filter(({ path }) => open.has(path)).map(({ inode }) => inode)),
      ),
  };
  const sightings = new FolderSightings({ folder: folder.path, clock, openWriters });
  const write = async (path: string, version = 1): Promise<void> => {
    await mkdir(dirname(join(folder.path, path)), { recursive: true });
    await writeFile(join(folder.path, path), 'x'.repeat(version));
    await utimes(join(folder.path, path), version, version);
  };
  let present: readonly string[] = [];
  /** A pass that looks when the folder holds these versions and nothing else. */
  const pass = async (files: Readonly<Record<string, number>>): Promise<void> => {
    for (const path of present) if (!(path in files)) await rm(join(folder.path, path));
    for (const [path, version] of Object.entries(files)) await write(path, version);
    present = Object.keys(files);
    await sightings.look();
    await sightings.noteWriters();
  };
  const arrived = (): readonly string[] =>
    Array.from(sightings.sightings.keys()).filter((path) => sightings.known().arrived.has(path));
  const closed = (path: string) => sightings.sightings.get(path)?.closed ?? null;
  return {
    arrived,
    clock,
    closed,
    folder: folder.path,
    open,
    openWriters,
    pass,
    sightings,
    write,
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

test('what was there at the first look has not arrived, what comes later has', async () => {
  await using at = await looking();
  await at.pass({ old: 1 });
  expect(at.arrived()).toEqual([]);
  await at.pass({ old: 1, new: 1 });
  expect(at.arrived()).toEqual(['new']);
  await at.pass({ old: 2, new: 1 });
  expect(at.arrived()).toEqual(['new']);
});

test('a file that changes after it was seen closed is of two saves, one that was open is of one', async () => {
  await using at = await looking();
  await at.pass({});
  at.open.add('grows');
  await at.pass({ grows: 1, again: 1 });
  expect(at.closed('grows')).toBeNull();
  at.open.clear();
  await at.pass({ grows: 2, again: 2 });
  expect(at.arrived()).toEqual(['grows']);
  const { file } = at.sightings.sightings.get('grows')!;
  expect(at.closed('grows')?.fingerprint).toBe(fingerprintOf(file));
  await at.pass({ grows: 2 });
  await at.pass({ grows: 2, again: 3 });
  expect(at.arrived().toSorted()).toEqual(['again', 'grows']);
});

test('tells since when a file is known to be closed as it is', async () => {
  await using at = await looking();
  await at.pass({ a: 1 });
  const seenAtMs = at.clock.wallMs();
  await at.clock.advance(1000);
  await at.pass({ a: 1 });
  expect(at.closed('a')?.atMs).toBe(seenAtMs);
  await at.pass({ a: 2 });
  expect(at.closed('a')?.atMs).toBe(seenAtMs + 1000);
  await at.pass({});
  expect(at.sightings.sightings.size).toBe(0);
});

test('after a script has changed files of a durable checkpoint nothing of it counts as having arrived', async () => {
  await using at = await looking();
  await at.pass({});
  await at.pass({ a: 1, b: 1 });
  const { file } = at.sightings.sightings.get('a')!;
  const nothing = { recogniser: 'test', entry: '.', step: null, companions: [], marker: null };
  at.sightings.published({ ...nothing, files: [file] });
  await at.pass({ a: 1, b: 2 });
  expect(at.arrived()).toEqual(['a']);
  await at.pass({ a: 2, b: 2, c: 1 });
  expect(at.arrived()).toEqual([]);
});

test('where nobody can tell who writes, nothing was seen closed', async () => {
  await using at = await looking();
  at.openWriters.among = () => Promise.resolve(null);
  await at.pass({ a: 1 });
  expect(at.closed('a')).toBeNull();
});

test('a pass that another has overtaken notes nothing', async () => {
  await using at = await looking();
  await at.pass({ a: 1 });
  const answer = Promise.withResolvers<ReadonlySet<string>>();
  at.openWriters.among = () => answer.promise;
  await at.write('a', 2);
  await at.sightings.look();
  const older = at.sightings.noteWriters();
  at.openWriters.among = () => Promise.resolve(new Set());
  await at.pass({ a: 2, b: 1 });
  answer.resolve(new Set());
  await older;
  await at.pass({ a: 2, b: 2 });
  expect(at.arrived()).toEqual([]);
});

test('a file that another look saw go and come back has not arrived anew', async () => {
  await using at = await looking();
  await at.pass({});
  await at.pass({ a: 1 });
  expect(at.arrived()).toEqual(['a']);
  await rm(join(at.folder, 'a'));
  await at.sightings.look();
  expect(at.sightings.sightings.get('a')?.present).toBe(false);
  await at.pass({ a: 2 });
  expect(at.arrived()).toEqual([]);
});

test('looks of passes and of the loop that uploads share what they have seen, and a look that waits', async () => {
  await using at = await looking();
  await at.pass({ a: 1 });
  await at.clock.advance(500);
  await at.write('a', 2);
  const [first, second, third] = [at.sightings.look(), at.sightings.look(), at.sightings.look()];
  expect(second).toBe(first);
  await first;
  expect(await third).toBe(await second);
  await at.clock.advance(1500);
  await at.pass({ a: 2 });
  expect(at.sightings.sightings.get('a')).toMatchObject({ sinceMs: 500, changed: true });
});

test('a file keeps under a new name what is known of its growth and content, and must be still there anew', async () => {
  await using at = await looking();
  await at.pass({});
  await at.clock.advance(100);
  await at.write('a.tmp', 5);
  await at.sightings.look();
  const before = at.sightings.sightings.get('a.tmp')!;
  expect(before).toMatchObject({ unfinished: true, grew: true, contentSinceMs: 100 });
  at.sightings.noteContent(before.file, { sha256: 'hash', parts: [] });
  await at.clock.advance(100);
  await rename(join(at.folder, 'a.tmp'), join(at.folder, 'a'));
  await at.sightings.look();
  const after = at.sightings.sightings.get('a')!;
  expect(after).toMatchObject({ unfinished: false, grew: true, contentSinceMs: 100, sinceMs: 200, changed: false });
  expect(at.sightings.contentOf(after.file)).toEqual({ sha256: 'hash', parts: [] });
  await at.write('a', 6);
  await at.sightings.look();
  expect(at.sightings.contentOf(at.sightings.sightings.get('a')!.file)).toBeNull();
});

test('a folder whose mark of being incomplete is taken away is looked at as if it had just come', async () => {
  await using at = await looking();
  await at.pass({ 'checkpoint-5/checkpoint-is-incomplete.txt': 1, 'checkpoint-5/a': 1 });
  await at.clock.advance(3000);
  await at.pass({ 'checkpoint-5/a': 1 });
  expect(at.sightings.sightings.get('checkpoint-5/a')).toMatchObject({ unfinished: false, sinceMs: 3000 });
});

test('an inode that was given to another file, as its time of birth tells, is a new file', () => {
  const file = (path: string, bornMs: number): FileSeen => ({
    path,
    sizeBytes: 9,
    mtimeMs: 1,
    ctimeMs: 1,
    inode: '1:1',
    bornMs,
    mode: 0o644,
  });
  const before = observe(null, { files: [file('old', 1)] }, 10);
  before.get('old')!.content.hashes = { sha256: 'hash', parts: [] };
  expect(observe(before, { files: [file('renamed', 1)] }, 20).get('renamed')).toMatchObject({
    grew: false,
    contentSinceMs: 10,
    content: { hashes: { sha256: 'hash' } },
  });
  expect(observe(before, { files: [file('new', 2)] }, 20).get('new')).toMatchObject({
    grew: true,
    contentSinceMs: 20,
    content: { hashes: null },
  });
  expect(observe(before, { files: [file('old', 2)] }, 20).get('old')).toMatchObject({
    sinceMs: 20,
    changed: true,
    contentSinceMs: 20,
    content: { hashes: null },
  });
});
