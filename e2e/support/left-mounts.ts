import { execa } from 'execa';
import { existsSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';

/** Unmounts the small disks of worlds whose process was killed: of their folders only what is mounted in them is left. */
export async function unmountLeft(under: string, prefix: string): Promise<void> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return;
  const places = readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '')
    .filter((place) => place.startsWith(join(under, prefix)));
  for (const place of places) {
    const world = join(under, relative(under, place).split(sep)[0] ?? '');
    if (existsSync(join(world, 'owner.sock'))) continue;
    await execa('umount', ['--lazy', place], { reject: false });
    await rm(world, { recursive: true, force: true }).catch(() => {}); // another disk of it is mounted
  }
}
