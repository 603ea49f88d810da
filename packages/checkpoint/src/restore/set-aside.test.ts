import { execFileSync } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { platform } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openWorld } from '../testing/test-world.ts';

const MIB = 1024 ** 2;

for (const [what, diskMiB, left] of [
  ['goes where the disk has no room for as much again, but for the two highest steps', 5, ['1100', '1200']],
  ['stays where there is room', 12, ['1000', '1100', '1200']],
] as const)
  test(`what a restore set aside ${what}`, async (context) => {
    if (platform() !== 'linux' || process.getuid?.() !== 0) context.skip('a small disk needs root on Linux');
    await using world = await openWorld();
    await world.write('checkpoint-300/model.bin', 'weights of 300');
    await world.settleAndPass(world.publisher());
    await using machine = await openWorld({ clock: world.clock, store: world.store });
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${diskMiB}m`, 'tmpfs', machine.folder]);
    try {
      for (const step of [1000, 1100, 1200]) await machine.write(`checkpoint-${step}/model.bin`, new Uint8Array(MIB));
      // Somebody's own.
      await machine.write('.runctl-set-aside-checkpoints-mine/checkpoint-7/model.bin', 'mine');
      const restored = await machine.restore();
      const setAside = join(machine.folder, '.runctl-set-aside-checkpoints-1');
      expect((await readdir(setAside)).sort()).toEqual(left.map((step) => `checkpoint-${step}`));
      expect(restored?.warnings).toEqual([
        expect.stringMatching(/^moved to .*: checkpoint-1000, checkpoint-1100, checkpoint-1200$/),
        ...(left.length === 3 ? [] : [expect.stringMatching(/^deleted .*checkpoint-1000, since the disk had no room/)]),
      ]);
      expect(await readdir(join(machine.folder, '.runctl-set-aside-checkpoints-mine'))).toEqual(['checkpoint-7']);
    } finally {
      execFileSync('umount', [machine.folder]);
    }
  });

test('a journal of another moment is set aside with the database that it belonged to', async () => {
  await using world = await openWorld();
  await world.write('checkpoint-300/model.bin', 'weights of 300');
  await world.write('study.db', 'as it was');
  await world.settleAndPass(world.publisher());
  await using machine = await openWorld({ clock: world.clock, store: world.store });
  await machine.write('study.db-journal', 'of a transaction that was cut off');
  await machine.write('other.db-journal', 'of another database');
  const restored = await machine.restore();
  expect(restored?.warnings).toEqual([expect.stringMatching(/^moved to .*: study\.db-journal$/)]);
});
