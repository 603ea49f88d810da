import { randomBytes } from 'node:crypto';
import { appendFile, readdir, readFile, rename, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock } from '@runctl/core';
import { temporaryFolder } from '@runctl/testkit';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Around } from '../decorators/decorated-store.ts';
import { intercepted } from '../decorators/intercepted.ts';
import { retrying } from '../decorators/retrying.ts';
import { MemoryStore } from '../memory/memory-store.ts';
import { readBytes } from '../port/object-body.ts';
import { type ObjectStore, StoreError } from '../port/object-store.ts';
import { compositeSha256, hashPart } from './content-hash.ts';
import { FileChangedError, sameFile } from './file-identity.ts';
import { getToFile } from './get-file.ts';
import { partGrid } from '../parts/part-grid.ts';
import { putFile } from './put-file.ts';

const KIB = 1024;
const memory = () => new MemoryStore({ clock: systemClock, minPartBytes: 1 });

async function openUploads(store: ObjectStore): Promise<number> {
  let count = 0;
  for await (const _upload of store.listMultipart({ prefix: '' })) count++;
  return count;
}

describe('moving files', () => {
  test('brings any file there and back, with the hashes of the whole and of its parts', async () => {
    await using folder = await temporaryFolder();
    const sizes = fc.oneof(fc.nat(300 * KIB), fc.constantFrom(0, 1, 16 * KIB, 16 * KIB + 1, 160 * KIB));
    let count = 0;
    await fc.assert(
      fc.asyncProperty(sizes, fc.integer({ min: 1, max: 6 }), async (sizeBytes, concurrency) => {
        const [from, to] = [join(folder.path, `from-${++count}`), join(folder.path, `to-${count}`)];
        const bytes = randomBytes(sizeBytes);
        await writeFile(from, bytes);
        const store = memory();
        let progress = 0;
        const options = { partSizeBytes: 16 * KIB, concurrency, onProgress: (n: number) => (progress += n) };
        const put = await putFile(store, { key: 'key', path: from, ...options });
        const got = await getToFile(store, { key: 'key', path: to, ...options });
        expect(Buffer.compare(await readFile(to), bytes)).toBe(0);
        expect(put).toMatchObject({ sizeBytes, etag: got.info.etag });
        const checksums = put.parts.map(({ partNumber, sizeBytes, crc32 }) => ({ partNumber, sizeBytes, crc32 }));
        expect(got.parts).toEqual(checksums);
        const hashes = partGrid(sizeBytes, 16 * KIB).parts.map(({ start, end }) =>
          hashPart(bytes.subarray(start, end)),
        );
        expect(put.parts).toMatchObject(hashes);
        expect(put.sha256).toBe(compositeSha256(hashes));
        expect(sameFile(put.before, put.after)).toBe(true);
        expect(progress).toBe(2 * sizeBytes);
        expect(await openUploads(store)).toBe(0);
      }),
      { numRuns: 30 },
    );
  });

  test('survives parts that fail and answers that are lost, the last one too', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'file');
    const bytes = randomBytes(200 * KIB);
    await writeFile(path, bytes);
    const inner = memory();
    const lost = new Set<string>();
    const flaky: Around = async (call, perform) => {
      const result = await perform();
      const once = `${call.operation}-${lost.size % 7}`;
      if (!lost.has(once) && call.operation !== 'createMultipart') {
        lost.add(once);
        throw new StoreError('transient', 'the answer was lost');
      }
      return result;
    };
    const store = retrying(intercepted(inner, flaky), {
      clock: systemClock,
      policy: { attempts: 9, baseMs: 1, maxMs: 1 },
    });
    const put = await putFile(store, { key: 'key', path, partSizeBytes: 16 * KIB, concurrency: 3 });
    expect(Buffer.compare(await readBytes(inner, 'key'), bytes)).toBe(0);
    expect(put.etag).toBe((await inner.head('key'))?.etag);
    expect([...lost].some((call) => call.startsWith('completeMultipart'))).toBe(true);
    expect(await openUploads(inner)).toBe(0);
  });

  test.each(['grows', 'shrinks', 'is overwritten'] as const)(
    'leaves no object of a file that %s meanwhile',
    async (how) => {
      await using folder = await temporaryFolder();
      const path = join(folder.path, 'file');
      await writeFile(path, randomBytes(100 * KIB));
      const store = memory();
      let spoiled = false;
      const spoiling: Around = async (call, perform) => {
        if (call.operation === 'uploadPart' && !spoiled) {
          spoiled = true;
          if (how === 'grows') await appendFile(path, 'more');
          else if (how === 'shrinks') await truncate(path, 5 * KIB);
          else await utimes(path, 1, 1);
        }
        return perform();
      };
      const putting = putFile(intercepted(store, spoiling), {
        key: 'key',
        path,
        partSizeBytes: 16 * KIB,
        concurrency: 2,
      });
      await expect(putting).rejects.toBeInstanceOf(FileChangedError);
      expect(await store.head('key')).toBeNull();
      expect(await openUploads(store)).toBe(0);
    },
  );

  test('tells when the path names another file in the end', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'file');
    await writeFile(path, randomBytes(100 * KIB));
    const replacing: Around = async (call, perform) => {
      if (call.operation === 'completeMultipart') {
        await writeFile(`${path}.new`, randomBytes(100 * KIB));
        await rename(`${path}.new`, path);
      }
      return perform();
    };
    const { before, after } = await putFile(intercepted(memory(), replacing), {
      key: 'key',
      path,
      partSizeBytes: 16 * KIB,
    });
    expect(sameFile(before, after)).toBe(false);
    expect(after?.inode).not.toBe(before.inode);
  });

  test('aborts the upload and every part under way when one part fails for good', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'file');
    await writeFile(path, randomBytes(200 * KIB));
    const store = memory();
    let begun = 0;
    let aborted = 0;
    const failing: Around = async (call, perform) => {
      if (call.operation !== 'uploadPart') return perform();
      if (++begun === 4) throw new StoreError('denied', 'not for you');
      if (begun > 4) return perform();
      return new Promise((_resolve, reject) => {
        call.signal?.addEventListener('abort', () => {
          aborted++;
          reject(new StoreError('aborted', 'aborted'));
        });
      });
    };
    const putting = putFile(intercepted(store, failing), { key: 'key', path, partSizeBytes: 16 * KIB, concurrency: 4 });
    await expect(putting).rejects.toMatchObject({ kind: 'denied' });
    expect({ begun, aborted, open: await openUploads(store) }).toEqual({ begun: 4, aborted: 3, open: 0 });
  });

  test('ends when its caller aborts', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'file');
    await writeFile(path, randomBytes(200 * KIB));
    const store = memory();
    const stop = new AbortController();
    const stopping: Around = async (call, perform) => {
      if (call.operation === 'uploadPart') stop.abort();
      return perform();
    };
    const putting = putFile(intercepted(store, stopping), {
      key: 'key',
      path,
      partSizeBytes: 16 * KIB,
      signal: stop.signal,
    });
    await expect(putting).rejects.toMatchObject({ kind: 'aborted' });
    expect(await openUploads(store)).toBe(0);
  });

  test('fails, rather than waits for ever, when a range of a download fails for good', async () => {
    await using folder = await temporaryFolder();
    const store = memory();
    await store.put('key', randomBytes(400 * KIB));
    const failing: Around = async (call, perform) => {
      if (call.operation === 'get') {
        await systemClock.sleep(1);
        if (failed++ === 0) throw new StoreError('denied', 'not for you');
      }
      return perform();
    };
    let failed = 0;
    const getting = getToFile(intercepted(store, failing), {
      key: 'key',
      path: join(folder.path, 'to'),
      partSizeBytes: 16 * KIB,
      concurrency: 3,
    });
    await expect(getting).rejects.toMatchObject({ kind: 'denied' });
  });

  test('refuses to mix two versions of an object, and to overwrite a file', async () => {
    await using folder = await temporaryFolder();
    const store = memory();
    await store.put('key', randomBytes(100 * KIB));
    const replacing: Around = async (call, perform) => {
      if (call.operation === 'get') await store.put('key', randomBytes(100 * KIB));
      return perform();
    };
    const getting = getToFile(intercepted(store, replacing), {
      key: 'key',
      path: join(folder.path, 'to'),
      partSizeBytes: 16 * KIB,
    });
    await expect(getting).rejects.toMatchObject({ kind: 'precondition' });
    await writeFile(join(folder.path, 'there'), 'x');
    await expect(getToFile(store, { key: 'key', path: join(folder.path, 'there') })).rejects.toMatchObject({
      code: 'EEXIST',
    });
    await expect(getToFile(store, { key: 'nothing', path: join(folder.path, 'none') })).rejects.toMatchObject({
      kind: 'missing',
    });
    expect(await readdir(folder.path)).not.toContain('none');
  });
});
