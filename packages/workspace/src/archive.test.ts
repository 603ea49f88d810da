import { temporaryFolder } from '@runctl/testkit';
import fc from 'fast-check';
import { createReadStream } from 'node:fs';
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { snapshot } from './snapshot.ts';
import { unpackArchive } from './unpack.ts';

/** Names as people give them, in any script, long ones too; nothing that a snapshot leaves out on purpose. */
const segment = fc
  .oneof(
    fc.stringMatching(/^[a-z][a-z0-9 _.-]{0,12}$/),
    fc.constantFrom('Überblick', '日本語', 'a\'b"c', 'x'.repeat(120), 'emoji🙂', '#hash', '!bang', '-dash'),
  )
  .filter((name) => name.trim() === name && !name.endsWith('.') && name !== 'node_modules');
const path = fc.array(segment, { minLength: 1, maxLength: 3 }).map((segments) => segments.join('/'));
const tree = fc
  .dictionary(path, fc.uint8Array({ maxLength: 2000 }), { minKeys: 1, maxKeys: 8 })
  // No file may also be a folder of another.
  .filter((files) => Object.keys(files).every((a) => !Object.keys(files).some((b) => b.startsWith(`${a}/`))));

describe('an archive', () => {
  test('comes back with the same names and bytes, whatever they are, and is the same again', async () => {
    await fc.assert(
      fc.asyncProperty(tree, async (files) => {
        await using folder = await temporaryFolder();
        const root = join(folder.path, 'project');
        for (const [name, bytes] of Object.entries(files)) {
          await mkdir(dirname(join(root, name)), { recursive: true });
          await writeFile(join(root, name), bytes);
        }
        const first = await snapshot(root, { into: folder.path });
        const again = await snapshot(root, { into: folder.path });
        expect([again.treeHash, again.sha256]).toEqual([first.treeHash, first.sha256]);
        const target = join(folder.path, 'unpacked');
        await unpackArchive(createReadStream(first.archivePath), target);
        const entries = await readdir(target, { recursive: true, withFileTypes: true });
        expect(entries.filter((entry) => entry.isFile())).toHaveLength(Object.keys(files).length);
        for (const [name, bytes] of Object.entries(files))
          expect(Buffer.compare(await readFile(join(target, name)), bytes)).toBe(0);
      }),
      { numRuns: 40 },
    );
  });
});
