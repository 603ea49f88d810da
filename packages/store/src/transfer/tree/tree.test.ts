import { randomBytes } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { systemClock } from '@runctl/core';
import { temporaryFolder } from '@runctl/testkit';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { combineCrc32, crc32Of, decodeCrc32 } from '../../port/crc32.ts';
import { type Around } from '../../decorators/decorated-store.ts';
import { intercepted } from '../../decorators/intercepted.ts';
import { MemoryStore } from '../../memory/memory-store.ts';
import { readBytes } from '../../port/object-body.ts';
import { type ObjectStore, StoreError } from '../../port/object-store.ts';
import { putFile } from '../put-file.ts';
import { compareContent } from './checksums.ts';
import { downloadFile } from './download.ts';
import { rulesOf, scanLocalTree } from './local-tree.ts';
import { moveTree } from './move-tree.ts';
import { pathFilter } from './path-filter.ts';
import { pairsToCompare, planTree, type Direction } from './plan.ts';
import { listRemoteTree } from './remote-tree.ts';

const KIB = 1024;
const PART = 16 * KIB;
const memory = () => new MemoryStore({ clock: systemClock, minPartBytes: 1 });
const never = new AbortController().signal;

async function write(root: string, files: Record<string, Uint8Array | string>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), content);
  }
}

/** One pass of a sync; the parts are small, so that little files have several. */
async function syncOnce(store: ObjectStore, folder: string, direction: Direction, deleteOthers = false) {
  await mkdir(folder, { recursive: true });
  const local = await scanLocalTree(folder, { prefix: 'p/' });
  const remote = await listRemoteTree(store, 'p/', { rules: await rulesOf(folder) });
  const compared = new Map();
  for (const pair of pairsToCompare(local.files, remote.files))
    compared.set(
      pair.local.path,
      await compareContent(store, {
        path: join(local.root, pair.local.path),
        object: pair.remote,
        partSizeBytes: PART,
      }),
    );
  const plan = planTree({ local: local.files, remote: remote.files, compared, direction, deleteOthers });
  let movedBytes = 0;
  let knownBytes = 0;
  const result = await moveTree(plan, {
    store,
    root: local.root,
    keyOf: (path) => `p/${path}`,
    remote: new Map(remote.files.map((file) => [file.path, file])),
    partSizeBytes: PART,
    signal: never,
    onBytes: (bytes, how) => (how === 'moved' ? (movedBytes += bytes) : (knownBytes += bytes)),
  });
  return {
    ...result,
    plan,
    movedBytes,
    knownBytes,
    refused: [...local.refused, ...remote.refused],
    skipped: local.skipped,
  };
}

describe('a folder and a bucket', () => {
  test('become the same, whatever the files are, and then nothing moves', async () => {
    await using folder = await temporaryFolder();
    const name = fc.constantFrom('a', 'b', 'ü', 'with blank', 'deep/er/x', 'deep/y', '+&"\'%41');
    const size = fc.oneof(fc.nat(100 * KIB), fc.constantFrom(0, 1, PART, PART + 1));
    let round = 0;
    await fc.assert(
      fc.asyncProperty(fc.dictionary(name, size), async (files) => {
        const [from, to] = [join(folder.path, `from-${++round}`), join(folder.path, `to-${round}`)];
        const contents = Object.fromEntries(Object.entries(files).map(([path, bytes]) => [path, randomBytes(bytes)]));
        await mkdir(from);
        await write(from, contents);
        const store = memory();
        await syncOnce(store, from, 'up');
        const down = await syncOnce(store, to, 'down');
        expect(down.failed).toEqual([]);
        expect(down.moved.every((file) => file.verified !== 'length' || file.action.sizeBytes === 0)).toBe(true);
        for (const [path, content] of Object.entries(contents))
          expect(content.equals(await readFile(join(to, path)))).toBe(true);
        const again = await syncOnce(store, from, 'up');
        expect(again.plan.every((action) => action.kind === 'keep')).toBe(true);
        expect((await scanLocalTree(to)).files.map((file) => file.path)).toHaveLength(Object.keys(files).length);
      }),
      { numRuns: 15 },
    );
  });

  test('of the same sizes and times differ by their content alone', async () => {
    await using folder = await temporaryFolder();
    const store = memory();
    await write(folder.path, { 'a.bin': 'first' });
    await syncOnce(store, folder.path, 'up');
    await write(folder.path, { 'a.bin': 'other' });
    expect((await syncOnce(store, folder.path, 'up')).moved).toMatchObject([
      { action: { path: 'a.bin', why: 'other content (CRC-32)' } },
    ]);
    expect(Buffer.from(await readBytes(store, 'p/a.bin')).toString()).toBe('other');
  });

  test('what is deleted goes only when everything else went well', async () => {
    await using folder = await temporaryFolder();
    const store = memory();
    await store.put('p/old', Buffer.from('x'));
    await store.put('other', Buffer.from('x'));
    await write(folder.path, { new: 'x' });
    const failing = intercepted(store, async (call, perform) => {
      if (call.operation === 'put') throw new StoreError('permanent', 'not this one');
      return perform();
    });
    expect((await syncOnce(failing, folder.path, 'up', true)).failed).toHaveLength(1);
    expect(await store.head('p/old')).not.toBeNull();
    await syncOnce(store, folder.path, 'up', true);
    expect(await store.head('p/old')).toBeNull();
    expect(await store.head('other')).not.toBeNull();
  });
});

describe('what a folder or a bucket holds that can not be carried', () => {
  test('links are followed inside and refused outside; sockets and pipes are named', async () => {
    await using outside = await temporaryFolder();
    await using folder = await temporaryFolder();
    const root = folder.path;
    await write(outside.path, { secret: 'not yours' });
    await write(root, { 'real/file': 'content', 'unclean.runctl-part': 'x' });
    await symlink('real', join(root, 'inside'));
    await symlink(outside.path, join(root, 'out'));
    await symlink(join(outside.path, 'secret'), join(root, 'real', 'stolen'));
    await symlink('nowhere', join(root, 'broken'));
    await symlink('..', join(root, 'real', 'circle'));
    execFileSync('mkfifo', [join(root, 'pipe')]);
    await writeFile(Buffer.concat([Buffer.from(join(root, 'latin-')), Buffer.from([0xe9])]), 'x');
    const server = createServer();
    await new Promise<void>((resolve) => {
      server.listen(join(root, 'socket'), resolve);
    });
    const tree = await scanLocalTree(root);
    server.close();
    expect(tree.files.map((file) => file.path)).toEqual(['inside/file', 'real/file']);
    expect(tree.skipped.map((each) => `${each.path}: ${each.why}`)).toEqual([
      'pipe: it is a pipe',
      'socket: it is a socket',
    ]);
    const why = new Map(tree.refused.map((each) => [each.path, each.why]));
    expect(why.get('out')).toContain('outside');
    expect(why.get('real/stolen')).toContain('outside');
    expect(why.get('broken')).toContain('not there');
    expect(why.get('real/circle')).toContain('circle');
    expect([...why.keys()].some((path) => path.startsWith('latin-'))).toBe(true);
  });

  test('keys that climb, collide or can not be held are refused, the others come', async () => {
    await using folder = await temporaryFolder();
    const keys = [
      'p/../up',
      'p//abs',
      'p/a\\b',
      'p/file',
      'p/file/below',
      `p/${'x'.repeat(300)}`,
      'p/marker/',
      'p/good',
    ];
    const listed = keys.map((key) => ({ key, sizeBytes: key.endsWith('/') ? 0 : 1, etag: 'e', lastModifiedMs: 0 }));
    const store = Object.assign(memory(), {
      list: async function* () {
        yield* listed;
      },
    });
    const { files, refused } = await listRemoteTree(store, 'p/', { rules: await rulesOf(folder.path) });
    expect(files.map((file) => file.path)).toEqual(['file/below', 'good']);
    expect(refused).toHaveLength(5);
  });

  test('an object is never written through a link that leads out of the folder', async () => {
    await using outside = await temporaryFolder();
    await using folder = await temporaryFolder();
    await symlink(outside.path, join(folder.path, 'out'));
    const store = memory();
    await store.put('p/out/file', Buffer.from('x'));
    const { failed } = await syncOnce(store, folder.path, 'down');
    expect(failed).toMatchObject([{ error: { name: 'OutsideError' } }]);
    expect(await readdir(outside.path)).toEqual([]);
  });

  test('deleting never reaches a file behind a link', async () => {
    await using folder = await temporaryFolder();
    const store = memory();
    await write(folder.path, { 'real/file': 'x' });
    await symlink('real', join(folder.path, 'link'));
    await store.put('p/real/file', Buffer.from('x'));
    await syncOnce(store, folder.path, 'down', true);
    expect(await readFile(join(folder.path, 'real/file'), 'utf8')).toBe('x');
  });

  test('patterns take and leave by name or by path', () => {
    const takes = pathFilter({ include: ['*.pt', 'logs/**'], exclude: ['*.tmp', 'logs/old/*'] });
    const paths = ['a.pt', 'deep/b.pt', 'c.txt', 'logs/x/y', 'logs/old/z', 'logs/q.tmp'];
    expect(paths.filter(takes)).toEqual(['a.pt', 'deep/b.pt', 'logs/x/y']);
  });
});

describe('a transfer that was cut off', () => {
  /** Fails from the nth call of an operation on, as a process that dies then. */
  const dyingAt = (operation: string, nth: number): Around => {
    let seen = 0;
    return async (call, perform) => {
      if (call.operation === operation && ++seen >= nth) throw new StoreError('transient', 'the machine died');
      return perform();
    };
  };

  test('downloads only the parts that are missing, and fetches again what was damaged on the disk', async () => {
    await using folder = await temporaryFolder();
    const store = memory();
    const bytes = randomBytes(10 * PART + 5);
    await write(folder.path, { from: bytes });
    await putFile(store, { key: 'key', path: join(folder.path, 'from'), partSizeBytes: PART });
    const object = (await store.head('key'))!;
    const target = join(folder.path, 'to');
    const options = { root: folder.path, partSizeBytes: PART, concurrency: 1 };
    await expect(
      downloadFile(intercepted(store, dyingAt('get', 7)), { object, target, ...options }),
    ).rejects.toMatchObject({
      kind: 'transient',
    });
    expect((await readdir(folder.path)).sort()).toEqual(['.to.runctl-journal', '.to.runctl-part', 'from']);
    const part = await readFile(join(folder.path, '.to.runctl-part'));
    part[2 * PART]! ^= 1;
    await writeFile(join(folder.path, '.to.runctl-part'), part);
    let [moved, known] = [0, 0];
    const count = { onProgress: (n: number) => (moved += n), onKnown: (n: number) => (known += n) };
    expect(await downloadFile(store, { object, target, ...options, ...count })).toEqual({ verified: 'crc32' });
    expect({ moved, known }).toEqual({ moved: 5 * PART + 5, known: 5 * PART });
    expect(bytes.equals(await readFile(target))).toBe(true);
    expect((await readdir(folder.path)).sort()).toEqual(['from', 'to']);
  });

  test('begins anew when the object is another version by now', async () => {
    await using folder = await temporaryFolder();
    const store = memory();
    const put = async () => {
      await write(folder.path, { from: randomBytes(6 * PART) });
      await putFile(store, { key: 'key', path: join(folder.path, 'from'), partSizeBytes: PART });
      return (await store.head('key'))!;
    };
    const target = join(folder.path, 'to');
    const options = { root: folder.path, partSizeBytes: PART, concurrency: 1 };
    const first = await put();
    await expect(
      downloadFile(intercepted(store, dyingAt('get', 4)), { object: first, target, ...options }),
    ).rejects.toThrow();
    const second = await put();
    await expect(downloadFile(store, { object: first, target, ...options })).rejects.toMatchObject({
      kind: 'precondition',
    });
    await downloadFile(store, { object: second, target, ...options });
    expect((await readFile(target)).equals(await readFile(join(folder.path, 'from')))).toBe(true);
  });

  test('uploads only the parts that are missing, and sends again what has changed since', async () => {
    await using folder = await temporaryFolder();
    const store = memory();
    const bytes = randomBytes(10 * PART);
    await write(folder.path, { from: bytes });
    const path = join(folder.path, 'from');
    const options = { partSizeBytes: PART, concurrency: 1, resumable: true };
    await expect(
      putFile(intercepted(store, dyingAt('uploadPart', 7)), { key: 'key', path, ...options }),
    ).rejects.toThrow();
    bytes[3 * PART]! ^= 1;
    await write(folder.path, { from: bytes });
    let [moved, known] = [0, 0];
    const count = { onProgress: (n: number) => (moved += n), onKnown: (n: number) => (known += n) };
    await putFile(store, { key: 'key', path, ...options, ...count });
    expect({ moved, known }).toEqual({ moved: 5 * PART, known: 5 * PART });
    expect(bytes.equals(await readBytes(store, 'key'))).toBe(true);
    for await (const upload of store.listMultipart({ prefix: '' })) expect.fail(`${upload.key} is still open`);
  });

  test('leaves the older file in place until the new one is whole', async () => {
    await using folder = await temporaryFolder();
    const store = memory();
    await store.put('key', randomBytes(3 * PART));
    await write(folder.path, { to: 'older' });
    const object = (await store.head('key'))!;
    const options = { root: folder.path, partSizeBytes: PART, concurrency: 1 };
    const target = join(folder.path, 'to');
    await expect(downloadFile(intercepted(store, dyingAt('get', 2)), { object, target, ...options })).rejects.toThrow();
    expect(await readFile(target, 'utf8')).toBe('older');
    await downloadFile(store, { object, target, ...options });
    expect((await stat(target)).size).toBe(3 * PART);
  });
});

describe('bytes that are not what was stored', () => {
  test.each([1, 4])('are found out in an object of %i parts, and never put in place', async (parts) => {
    await using folder = await temporaryFolder();
    const inner = memory();
    await inner.put('key', randomBytes(parts * PART));
    const object = (await inner.head('key'))!;
    const flipping: ObjectStore = Object.assign(Object.create(inner) as ObjectStore, {
      get: async (...[key, options]: Parameters<ObjectStore['get']>) => {
        const answer = await inner.get(key, options);
        const flipped = async function* () {
          for await (const chunk of answer.body) {
            chunk[0]! ^= 1;
            yield chunk;
          }
        };
        return { ...answer, body: flipped() };
      },
      head: inner.head.bind(inner),
    });
    const target = join(folder.path, 'to');
    const options = { root: folder.path, partSizeBytes: PART };
    await expect(downloadFile(flipping, { object, target, ...options })).rejects.toMatchObject({
      name: 'DamagedObjectError',
    });
    expect(await readdir(folder.path)).toEqual([]);
  });

  test('the CRC of a whole is that of its pieces in a row', () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.uint8Array(), (a, b) => {
        const combined = combineCrc32(decodeCrc32(crc32Of(a)), decodeCrc32(crc32Of(b)), b.byteLength);
        expect(combined).toBe(decodeCrc32(crc32Of(Buffer.concat([a, b]))));
      }),
    );
    expect(combineCrc32(1, 2, 5 * 1024 ** 3)).toBe(combineCrc32(combineCrc32(1, 0, 5 * 1024 ** 3 - 7), 2, 7));
  });
});
