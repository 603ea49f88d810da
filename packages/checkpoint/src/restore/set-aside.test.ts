import { execFileSync } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { platform } from 'node:os';
import { expect, test } from 'vitest';
import { openWorld } from '../test-world.ts';

const MIB = 1024 ** 2;

for (const [what, diskMiB, setAside] of [
  ['goes, with a word, where the disk has no room for as much again', 3, []],
  ['stays where there is room', 9, ['.runctl-set-aside-1']],
] as const)
  test(`what a restore set aside ${what}`, async (context) => {
    if (platform() !== 'linux' || process.getuid?.() !== 0) context.skip('a small disk needs root on Linux');
    await using world = await openWorld();
    await world.write('checkpoint-300/model.bin', 'weights of 300');
    await world.settleAndPass(world.publisher());
    await using machine = await openWorld({ clock: world.clock, store: world.store });
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${diskMiB}m`, 'tmpfs', machine.folder]);
    try {
      await machine.write('checkpoint-1000/model.bin', new Uint8Array(2 * MIB));
      const restored = await machine.restore();
      expect((await readdir(machine.folder)).sort()).toEqual([...setAside, 'checkpoint-300']);
      expect(restored?.warnings).toEqual([
        expect.stringMatching(/^moved to .*: checkpoint-1000$/),
        ...(setAside.length > 0 ? [] : [expect.stringMatching(/^deleted .*, since the disk had no room/)]),
      ]);
    } finally {
      execFileSync('umount', [machine.folder]);
    }
  });
