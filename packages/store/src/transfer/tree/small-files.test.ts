import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock } from '@runctl/core';
import { temporaryFolder } from '@runctl/testkit';
import { describe, expect, test } from 'vitest';
import { intercepted } from '../../decorators/intercepted.ts';
import { MemoryStore } from '../../memory/memory-store.ts';
import { readBytes } from '../../port/object-body.ts';
import type { ObjectStore } from '../../port/object-store.ts';
import { FileChangedError } from '../file-identity.ts';
import { putFile } from '../put-file.ts';
import { SMALL_FILE_BYTES, SmallFiles } from '../small-files.ts';
import { DamagedObjectError, downloadFile, OutsideError } from './download.ts';
import { scanLocalTree } from './local-tree.ts';
import { moveTree } from './move-tree.ts';
import { partFileOf } from './part-file.ts';
import { planTree } from './plan.ts';
import { listRemoteTree } from './remote-tree.ts';

const memory = () => new MemoryStore({ clock: systemClock, minPartBytes: 1 });
/** Enough for a thread of their own. */
const COUNT = 250;
const sizeOf = (index: number): number => (index === 7 ? SMALL_FILE_BYTES + 1 : index * 13);

async function move(store: ObjectStore, folder: string, direction: 'up' | 'down') {
  const [local, remote] = [await scanLocalTree(folder), await listRemoteTree(store, 'p/')];
  return moveTree(planTree({ local: local.files, remote: remote.files, direction, compared: new Map() }), {
    store,
    root: local.root,
    keyOf: (path) => `p/${path}`,
    remote: new Map(remote.files.map((file) => [file.path, file])),
    signal: new AbortController().signal,
  });
}

async function object(store: ObjectStore, key: string, bytes: Uint8Array) {
  await store.put(key, bytes);
  return (await store.head(key))!;
}

describe('a tree of many small files', () => {
  test('goes to a bucket and comes back byte by byte, in one piece each', async () => {
    await using folder = await temporaryFolder();
    const contents = Array.from({ length: COUNT }, (_, index) => randomBytes(sizeOf(index)));
    for (const [index, bytes] of contents.entries()) {
      await mkdir(join(folder.path, `here/${index % 9}`), { recursive: true });
      await writeFile(join(folder.path, `here/${index % 9}/${index}`), bytes);
    }
    const store = memory();
    const up = await move(store, join(folder.path, 'here'), 'up');
    expect([up.moved.length, up.failed]).toEqual([COUNT, []]);
    await mkdir(join(folder.path, 'there'));
    const down = await move(store, join(folder.path, 'there'), 'down');
    expect([down.moved.length, down.failed, new Set(down.moved.map(({ verified }) => verified))]).toEqual([
      COUNT,
      [],
      new Set(['crc32']),
    ]);
    for (const [index, bytes] of contents.entries()) {
      const path = `${index % 9}/${index}`;
      expect(bytes.equals(await readBytes(store, `p/${path}`))).toBe(true);
      expect(bytes.equals(await readFile(join(folder.path, `there/${path}`)))).toBe(true);
      const { lastModifiedMs } = (await store.head(`p/${path}`))!;
      expect((await stat(join(folder.path, `there/${path}`))).mtimeMs).toBeCloseTo(lastModifiedMs, 0);
    }
    expect((await readdir(join(folder.path, 'there'), { recursive: true })).length).toBe(COUNT + 9);
  });

  test('is moved but for the files that can not be', async () => {
    await using folder = await temporaryFolder();
    await mkdir(join(folder.path, 'here'));
    for (let index = 0; index < COUNT; index++) await writeFile(join(folder.path, `here/${index}`), 'bytes');
    const store = memory();
    // Gone after the plan was made, with the first put.
    const losing = intercepted(store, async (_call, perform) => {
      await rm(join(folder.path, 'here/99'), { force: true });
      return perform();
    });
    const { moved, failed } = await move(losing, join(folder.path, 'here'), 'up');
    expect(failed.map(({ action, error }) => [action.path, (error as NodeJS.ErrnoException).code])).toEqual([
      ['99', 'ENOENT'],
    ]);
    expect(moved.length).toBe(COUNT - 1);
  });
});

describe('a small file', () => {
  test('that changes while it is sent is found out', async () => {
    await using folder = await temporaryFolder();
    await using files = new SmallFiles();
    const path = join(folder.path, 'file');
    await writeFile(path, 'before');
    const rewriting = intercepted(memory(), async (_call, perform) => {
      await writeFile(path, 'after it');
      return perform();
    });
    const { before, after } = await putFile(rewriting, { key: 'key', path, files });
    expect([before.sizeBytes, after?.sizeBytes]).toEqual([6, 8]);
  });

  test('that shrinks while it is read is no version of it', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'file');
    await writeFile(path, 'bytes');
    const store = memory();
    await using files = new (class extends SmallFiles {
      override async read(at: string, mostBytes: number) {
        const whole = await super.read(at, mostBytes);
        return whole === null ? null : { ...whole, bytes: whole.bytes.subarray(1) };
      }
    })();
    await expect(putFile(store, { key: 'key', path, files })).rejects.toThrow(FileChangedError);
    expect(await store.head('key')).toBeNull();
  });

  test('that is not there fails as it does otherwise', async () => {
    await using folder = await temporaryFolder();
    await using files = new SmallFiles();
    const path = join(folder.path, 'none');
    const told = await putFile(memory(), { key: 'key', path, files }).catch((error: unknown) => error);
    const plain = await putFile(memory(), { key: 'key', path }).catch((error: unknown) => error);
    expect(told).toMatchObject({ code: 'ENOENT', message: (plain as Error).message, path });
  });

  test('takes the place of an older one, and of what an earlier try left, without following a link', async () => {
    await using folder = await temporaryFolder();
    await using files = new SmallFiles();
    const store = memory();
    const [root, target] = [folder.path, join(folder.path, 'file')];
    const { part } = partFileOf(target);
    await writeFile(target, 'older');
    await writeFile(join(folder.path, 'precious'), 'precious');
    await symlink(join(folder.path, 'precious'), part);
    await downloadFile(store, { object: await object(store, 'key', Buffer.from('newer')), target, root, files });
    expect(await readFile(target, 'utf8')).toBe('newer');
    expect(await readFile(join(folder.path, 'precious'), 'utf8')).toBe('precious');
    expect((await readdir(root)).toSorted()).toEqual(['file', 'precious']);
  });

  test('is never written through a link that leads out of the folder', async () => {
    await using folder = await temporaryFolder();
    await using files = new SmallFiles();
    const store = memory();
    await mkdir(join(folder.path, 'root'));
    await mkdir(join(folder.path, 'outside'));
    await symlink(join(folder.path, 'outside'), join(folder.path, 'root/out'));
    const target = join(join(folder.path, 'root'), 'out', 'file');
    const found = await object(store, 'key', Buffer.from('bytes'));
    const root = join(folder.path, 'root');
    await expect(downloadFile(store, { object: found, target, root, files })).rejects.toThrow(OutsideError);
    expect(await readdir(join(folder.path, 'outside'))).toEqual([]);
  });

  test('whose bytes are not those of the checksum is never put in place', async () => {
    await using folder = await temporaryFolder();
    await using files = new SmallFiles();
    const store = memory();
    const found = await object(store, 'key', Buffer.from('bytes'));
    const spoiling = intercepted(store, async (call, perform) => {
      const result = await perform();
      if (call.operation !== 'get') return result;
      return {
        ...result,
        body: (async function* () {
          yield Buffer.from('bites');
        })(),
      };
    });
    const options = { root: folder.path, files };
    await expect(
      downloadFile(spoiling, { object: found, target: join(folder.path, 'file'), ...options }),
    ).rejects.toThrow(DamagedObjectError);
    expect(await readdir(folder.path)).toEqual([]);
  });
});
