import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { silentLog } from '@runctl/core';
import { FakeClock, temporaryFolder } from '@runctl/testkit';
import { expect, test } from 'vitest';
import { ElsewhereWatch } from './elsewhere-watch.ts';

const MIB = 1024 * 1024;
const EVERY_MS = 60_000;
const LONG_AGO_MS = 0;

interface Home extends AsyncDisposable {
  readonly clock: FakeClock;
  readonly watch: ElsewhereWatch;
  readonly warnings: string[];
  readonly events: string[];
  write(files: Readonly<Record<string, number>>): Promise<void>;
}

async function home(): Promise<Home> {
  const folder = await temporaryFolder('home');
  const clock = new FakeClock();
  const [warnings, events]: [string[], string[]] = [[], []];
  const code = join(folder.path, 'p');
  const watch = new ElsewhereWatch({
    folders: { code, checkpoint: join(code, 'checkpoints'), output: join(code, 'kept') },
    home: folder.path,
    life: { warn: (text: string) => void warnings.push(text) },
    events: { append: async ({ message }: { message: string }) => void events.push(message) },
    clock,
    log: silentLog,
    everyMs: EVERY_MS,
  });
  return {
    clock,
    watch,
    warnings,
    events,
    write: async (files) => {
      for (const [path, sizeBytes] of Object.entries(files)) {
        await mkdir(dirname(join(folder.path, path)), { recursive: true });
        await writeFile(join(folder.path, path), Buffer.alloc(sizeBytes));
      }
    },
    [Symbol.asyncDispose]: async () => {
      watch.stop();
      await folder[Symbol.asyncDispose]();
    },
  };
}

test('a large file outside of what is kept is told once, with where, how large, and which flag', async () => {
  await using at = await home();
  at.watch.startsAt(LONG_AGO_MS);
  at.watch.begin();
  await at.write({ 'p/outputs/model.pt': 2 * MIB, 'p/outputs/small.pt': 9 });
  await at.clock.advance(EVERY_MS);
  const text =
    'the script wrote outputs/model.pt (2.0 MiB) outside the checkpoint folder, gone with the machine: ' +
    '--checkpoint-dir outputs if it is a state to go on from, else --output-dir outputs';
  await expect.poll(() => at.warnings, { timeout: 10_000 }).toEqual([text]);
  await at.write({ 'p/outputs/larger.pt': 3 * MIB });
  await at.clock.advance(10 * EVERY_MS);
  expect(at.warnings).toEqual([text]);
  expect(at.events).toEqual([text]);
});

test.each<[string, Readonly<Record<string, number>>]>([
  ['the checkpoint folder', { 'p/checkpoints/a.pt': 2 * MIB }],
  ['the output folder', { 'p/kept/a.pt': 2 * MIB }],
  ['hidden caches', { '.cache/huggingface/model.bin': 2 * MIB, 'p/.venv/x.so': 2 * MIB }],
  ['compiled Python', { 'p/__pycache__/x.bin': 2 * MIB }],
  ['what is fetched', { 'p/datasets/cifar.npz': 2 * MIB, 'downloads/x.zip': 2 * MIB }],
  ['a tracker', { 'p/wandb/run-1/x.bin': 2 * MIB }],
  ['small texts', { 'p/metrics.csv': 900 }],
])('nothing is said of %s, neither while it runs nor at the end', async (_name, files) => {
  await using at = await home();
  at.watch.startsAt(LONG_AGO_MS);
  at.watch.begin();
  await at.write(files);
  await at.clock.advance(EVERY_MS);
  expect(await at.watch.atEnd()).toBeNull();
  expect(at.warnings).toEqual([]);
});

test.each<[string, Readonly<Record<string, number>>, RegExp]>([
  ['a small model', { 'p/final.safetensors': 9 }, /wrote final\.safetensors \(9 B\).*below \$RUNCTL_CHECKPOINT_DIR/],
  ['a folder of Lightning', { 'p/lightning_logs/version_0/checkpoints/a.ckpt': 9 }, /--output-dir lightning_logs/],
  ['a folder of YOLO', { 'p/runs/train/weights/best.pt': 9, 'p/runs/train/weights/last.pt': 8 }, /best\.pt .* 1 more/],
  ['a large file of any name', { 'p/predictions': MIB }, /wrote predictions \(1\.0 MiB\)/],
  ['a file in the home', { 'results/a.npy': 9 }, /wrote ~\/results\/a\.npy .*--output-dir names/],
])('%s is told at the end', async (_name, files, told) => {
  await using at = await home();
  at.watch.startsAt(LONG_AGO_MS);
  at.watch.begin();
  await at.write(files);
  expect(await at.watch.atEnd()).toMatch(told);
});

test('what was there before the script started is none of its own, and nothing is said of a script that never ran', async () => {
  await using at = await home();
  await at.write({ 'p/pretrained.pt': 2 * MIB });
  expect(await at.watch.atEnd()).toBeNull();
  at.watch.startsAt(Date.now() + 3_600_000);
  at.watch.begin();
  expect(await at.watch.atEnd()).toBeNull();
});
