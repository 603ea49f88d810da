import { systemClock } from '@runctl/core';
import { temporaryFolder } from '@runctl/testkit';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { npmPackages } from './npm-packages.ts';

/** A computer whose programs are these scripts, before those of the system. */
async function computer(folder: string, programs: Readonly<Record<string, string>>) {
  const bin = join(folder, 'bin');
  await mkdir(bin);
  for (const [name, script] of Object.entries(programs))
    await writeFile(join(bin, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return { PATH: `${bin}:/usr/bin:/bin`, FOLDER: folder };
}

const PACKS = 'echo \'[{"filename":"it.tgz"}]\'';
const HANGS = 'echo $$ > "$FOLDER/pid"; exec sleep 30';

const livesStill = async (folder: string): Promise<boolean> => {
  const pid = Number(await readFile(join(folder, 'pid'), 'utf8'));
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

const HANGING = [
  ['npm', { npm: HANGS }],
  ['tar', { npm: PACKS, tar: HANGS }],
] as const;

test.each(HANGING)('%s is ended when nothing comes any more', async (_name, programs) => {
  await using folder = await temporaryFolder();
  const environment = await computer(folder.path, programs);
  const fetch = npmPackages({ environment, signal: new AbortController().signal, limitMs: 1500 });
  await expect(fetch('it', '1.0.0', folder.path)).rejects.toThrow(/timed out/);
});

test.each(HANGING)('%s is ended when the person gives up', async (_name, programs) => {
  await using folder = await temporaryFolder();
  const environment = await computer(folder.path, programs);
  const aborting = new AbortController();
  const fetching = npmPackages({ environment, signal: aborting.signal })('it', '1.0.0', folder.path);
  const outcome = fetching.then(
    () => 'fetched',
    (error: unknown) => error,
  );
  while (!existsSync(join(folder.path, 'pid'))) await systemClock.sleep(5);
  aborting.abort(new Error('interrupted'));
  expect(await outcome).toEqual(new Error('interrupted'));
  expect(await livesStill(folder.path)).toBe(false);
});

test('a package is packed by npm, and unpacked', async () => {
  await using folder = await temporaryFolder();
  const environment = await computer(folder.path, {
    npm: `echo "$@" > "$FOLDER/asked"; ${PACKS}`,
    tar: 'mkdir package',
  });
  const fetch = npmPackages({ environment, signal: new AbortController().signal });
  expect(await fetch('it', '1.0.0', folder.path)).toBe(join(folder.path, 'package'));
  expect(existsSync(join(folder.path, 'package'))).toBe(true);
  expect(await readFile(join(folder.path, 'asked'), 'utf8')).toBe(
    `pack it@1.0.0 --json --pack-destination ${folder.path}\n`,
  );
});
