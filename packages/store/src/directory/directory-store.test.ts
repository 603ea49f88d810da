import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { systemClock } from '@runctl/core';
import { temporaryFolder } from '@runctl/testkit';
import { describe, expect, test } from 'vitest';
import { describeObjectStore } from '../port/conformance.ts';
import { readText } from '../port/object-body.ts';
import { DirectoryStore } from './directory-store.ts';

describeObjectStore('the directory store', async () => {
  const folder = await temporaryFolder('runctl-store');
  return {
    store: new DirectoryStore({ root: folder.path, clock: systemClock, sync: false }),
    manyKeys: 100,
    close: async () => folder[Symbol.asyncDispose](),
  };
});

const fixture = fileURLToPath(new URL('fixtures/counts-in-a-directory-store.ts', import.meta.url));

describe('the directory store', () => {
  test('keeps compare and set between processes', async () => {
    await using folder = await temporaryFolder('runctl-store');
    const store = new DirectoryStore({ root: folder.path, clock: systemClock, sync: false });
    await store.put('counter', Buffer.from('0'));
    const run = promisify(execFile);
    await Promise.all([1, 2, 3].map(() => run(process.execPath, ['--no-warnings', fixture, folder.path, '40'])));
    expect(await readText(store, 'counter')).toBe('120');
  });

  test('takes over the lock of a process that died with it', async () => {
    await using folder = await temporaryFolder('runctl-store');
    const store = new DirectoryStore({ root: folder.path, clock: systemClock, sync: false });
    const lock = join(folder.path, 'locks', createHash('sha256').update('key').digest('hex').slice(0, 32));
    await mkdir(join(folder.path, 'locks'));
    await writeFile(lock, 'of a dead process');
    await utimes(lock, new Date(0), new Date(0));
    await store.put('key', Buffer.from('x'));
    expect(await readText(store, 'key')).toBe('x');
    expect(await readdir(join(folder.path, 'locks'))).toEqual([]);
  });

  test('leaves nothing behind of a put that failed', async () => {
    await using folder = await temporaryFolder('runctl-store');
    const store = new DirectoryStore({ root: folder.path, clock: systemClock, sync: false });
    await store.put('key', Buffer.from('x'));
    await expect(store.put('key', Buffer.from('y'), { when: { absent: true } })).rejects.toThrow();
    expect(await readdir(join(folder.path, 'new'))).toEqual([]);
  });
});
