import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { temporaryFolder } from '@runctl/testkit';
import { expect, test } from 'vitest';
import { createProcessFolder } from './process-folder.ts';

const owner = fileURLToPath(new URL('fixtures/owns-a-folder.ts', import.meta.url));

async function owning(under: string): Promise<{ process: ChildProcess; path: string }> {
  const child = spawn(process.execPath, [owner, under, 'runctl-'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return { process: child, path: String(line).trim() };
}

async function killed(child: ChildProcess): Promise<void> {
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}

test('what a killed process left is taken away by the next; what lives, or is not ours, stays', async () => {
  await using folder = await temporaryFolder();
  const [dead, living, stopped] = await Promise.all([1, 2, 3].map(() => owning(folder.path)));
  try {
    await writeFile(join(dead!.path, 'archive.tar'), 'x');
    stopped!.process.kill('SIGSTOP');
    const others = ['runctl-abc', 'runctl-without', 'runctl-e2e-abcdef'].map((name) => join(folder.path, name));
    for (const other of others) await mkdir(other);
    await killed(dead!.process);

    const own = await createProcessFolder(folder.path, 'runctl-');
    expect(existsSync(dead!.path)).toBe(false);
    for (const path of [living!.path, stopped!.path, ...others, own.path]) expect(existsSync(path), path).toBe(true);
    own.remove();
    expect(existsSync(own.path)).toBe(false);
    own.remove();
  } finally {
    for (const each of [living, stopped]) await killed(each!.process);
  }
});

test('a local cloud that is still ending keeps its folder until it has ended', async () => {
  await using folder = await temporaryFolder();
  const dead = await owning(folder.path);
  const region = join(dead.path, 'sandbox', 'region.json');
  await mkdir(join(dead.path, 'sandbox'));
  await writeFile(region, JSON.stringify(regionOf(process.pid)));
  await killed(dead.process);
  (await createProcessFolder(folder.path, 'runctl-')).remove();
  expect(existsSync(region)).toBe(true);

  const ended = spawn(process.execPath, ['-e', '']);
  await once(ended, 'exit');
  await writeFile(region, JSON.stringify(regionOf(ended.pid ?? 0)));
  (await createProcessFolder(folder.path, 'runctl-')).remove();
  expect(await readdir(folder.path)).toEqual([]);
});

test('where a socket cannot be made there is a folder all the same, which nobody takes away', async () => {
  await using folder = await temporaryFolder();
  const deep = join(folder.path, 'd'.repeat(120));
  await mkdir(deep);
  const first = await createProcessFolder(deep, 'runctl-');
  const second = await createProcessFolder(deep, 'runctl-');
  expect(existsSync(first.path)).toBe(true);
  for (const each of [first, second]) each.remove();
});

function regionOf(pid: number) {
  return {
    version: 1,
    pid,
    processStart: '',
    startedAt: new Date(0).toISOString(),
    endpoint: 'http://127.0.0.1:9',
    region: 'us-east-1',
    accountId: '1',
    accessKeyId: 'k',
    secretAccessKey: 's',
    bucket: 'b',
    instanceProfile: 'p',
    level: 'process',
    notReal: [],
    timeScale: 1,
    adminToken: 't',
  };
}
