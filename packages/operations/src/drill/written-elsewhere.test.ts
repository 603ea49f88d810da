import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { FakeClock, temporaryFolder } from '@runctl/testkit';
import { expect, test } from 'vitest';
import { WrittenElsewhere } from './written-elsewhere.ts';

/** What is said of files with these sizes in a home. */
async function adviceOn(
  files: Readonly<Record<string, number>>,
  checkpointDir = 'checkpoints',
): Promise<string | null> {
  await using home = await temporaryFolder();
  for (const [path, size] of Object.entries(files)) {
    await mkdir(dirname(join(home.path, path)), { recursive: true });
    await writeFile(join(home.path, path), Buffer.alloc(size));
  }
  const elsewhere = new WrittenElsewhere({
    clock: new FakeClock(),
    homes: async () => [home.path],
    projectName: 'p',
    sent: new Set(['train.py', 'data/vocabulary.bin']),
    checkpointDir,
    outputDir: 'kept/',
  });
  await elsewhere.look();
  return elsewhere.advice();
}

test('a model beside the checkpoint folder is named, with the flag that keeps its folder', async () => {
  const files = { 'p/train.py': 9, 'p/data/vocabulary.bin': 99, 'p/out/a.pt': 2048, 'p/out/b.pt': 1, 'p/notes.txt': 5 };
  expect(await adviceOn(files)).toBe(
    'the script wrote out/a.pt (2.0 KiB) and 1 more outside the checkpoint folder, gone with the machine: --checkpoint-dir out if it is a state to go on from, else --output-dir out',
  );
});

test.each<[string, Readonly<Record<string, number>>, string?]>([
  ['what came from the laptop', { 'p/data/vocabulary.bin': 9 }],
  ['what lies in the checkpoint folder', { 'p/checkpoints/a.pt': 9 }],
  ['what lies in another checkpoint folder', { 'p/out/ck/a.pt': 9 }, './out/ck/'],
  ['what lies in one with an absolute path', { 'p/ck/a.pt': 9 }, '/home/ubuntu/p/ck'],
  ['what lies in the output folder', { 'p/kept/a.pt': 9 }],
  ['caches', { '.cache/x/model.bin': 9, 'p/__pycache__/x.bin': 9 }],
  ['small texts', { 'p/metrics.csv': 9 }],
])('nothing is said of %s', async (_name, files, checkpointDir) => {
  expect(await adviceOn(files, checkpointDir)).toBeNull();
});

test('a large file counts whatever it is called, and has no folder to name at the top of the project', async () => {
  expect(await adviceOn({ 'p/state': 1024 * 1024 })).toMatch(/state \(1\.0 MiB\).*save it below \$RUNCTL/);
  expect(await adviceOn({ 'model.pt': 9 })).toMatch(/~\/model\.pt .*save it below/);
});
