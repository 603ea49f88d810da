import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { temporaryFolder } from '@runctl/testkit';
import { expect, test } from 'vitest';
import { lookAtEntries } from './look-at-output.ts';

async function write(folder: string, paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), path);
  }
}

interface Case {
  readonly entries: readonly string[];
  readonly files: readonly string[];
  readonly gone?: readonly string[];
}

const paths = ['a', 'a.json', 'ab/c', 'b/c/d', 'b/c/e', 'b/f', 'b.tmp/g'];

test.each<Case>([
  { entries: ['.'], files: ['a', 'a.json', 'ab/c', 'b.tmp/g', 'b/c/d', 'b/c/e', 'b/f'] },
  { entries: [], files: [] },
  { entries: ['a'], files: ['a'] },
  { entries: ['b'], files: ['b/c/d', 'b/c/e', 'b/f'] },
  { entries: ['b/c'], files: ['b/c/d', 'b/c/e'] },
  { entries: ['b', 'b/c', 'b/c/d'], files: ['b/c/d', 'b/c/e', 'b/f'] },
  { entries: ['c'], files: [], gone: ['c'] },
  { entries: ['a/c', 'ab'], files: ['ab/c'], gone: ['a/c'] },
  { entries: ['b.tmp'], files: ['b.tmp/g'] },
  { entries: ['.', 'x'], files: ['a', 'a.json', 'ab/c', 'b.tmp/g', 'b/c/d', 'b/c/e', 'b/f'], gone: ['x'] },
])('a look at $entries finds $files', async ({ entries, files, gone = [] }) => {
  await using folder = await temporaryFolder('look');
  await write(folder.path, paths);
  const look = await lookAtEntries(folder.path, entries);
  expect(look.files.map(({ path }) => path)).toEqual(files);
  expect(look.unkept).toEqual(gone.map((path) => ({ path, why: 'is gone' })));
});

test('a look at many files does not compare each of them with each entry', async () => {
  await using folder = await temporaryFolder('look');
  const many = Array.from({ length: 200 }, (_, index) => `save/${index}`);
  await write(folder.path, many);
  let reads = 0;
  const counted = new Proxy(many, {
    get: (target, key, receiver): unknown => {
      reads++;
      return Reflect.get(target, key, receiver);
    },
  });
  expect((await lookAtEntries(folder.path, counted)).files).toHaveLength(many.length);
  expect(reads).toBeLessThan(10 * many.length);
});
