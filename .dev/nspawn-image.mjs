// Makes the system image of the local cloud's level `nspawn`, once: npm run nspawn-image. Needs root, mmdebstrap and systemd-container.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { baseFolder } from '../packages/core/src/base-folder.ts';
import { hasImage, imageFolder, imageRecipe } from '../packages/sandbox/src/machine/nspawn/image.ts';

const folder = imageFolder(baseFolder('XDG_CACHE_HOME', { environment: process.env, home: homedir() }));
if (hasImage(folder)) {
  process.stdout.write(`${folder} is there\n`);
  process.exit(0);
}
mkdirSync(dirname(folder), { recursive: true });
const making = mkdtempSync(join(dirname(folder), 'making-'));
const { status } = spawnSync('/bin/sh', ['-c', imageRecipe, 'image', making], { stdio: 'inherit' });
if (status === 0) {
  renameSync(making, folder);
  process.stdout.write(`${folder} is made\n`);
} else {
  rmSync(making, { recursive: true, force: true });
  process.exitCode = 1;
}
