import { temporaryFolder } from '@runctl/testkit';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { completeQuickly } from '../cli/complete-quickly.ts';
import { commandWorld } from '../testing/command-world.ts';
import { rememberedRuns, rememberRuns, type RememberedRun } from './run-memory.ts';

const run = (name: string): RememberedRun => ({ run: `r-${name}`, name, about: 'running' });
const real = (bucket: string | null) => ({ bucket, sandbox: null });

describe('runs kept for completion', () => {
  test('are those of the last list of each place, the place listed last first', async () => {
    await using folder = await temporaryFolder('runctl-memory');
    await rememberRuns(folder.path, { bucket: 'a', sandbox: null }, [run('one'), run('two')]);
    await rememberRuns(folder.path, { bucket: 'b', sandbox: null }, [run('three')]);
    await rememberRuns(folder.path, { bucket: 'a', sandbox: '/state' }, [run('local')]);
    await rememberRuns(folder.path, { bucket: 'a', sandbox: null }, [run('two')]);
    const names = async (place: Parameters<typeof rememberedRuns>[1]): Promise<(string | null)[]> =>
      (await rememberedRuns(folder.path, place)).map(({ name }) => name);
    expect(await names(real(null))).toEqual(['two', 'three']);
    expect(await names(real('b'))).toEqual(['three']);
    expect(await names({ bucket: null, sandbox: '/state' })).toEqual(['local']);
    expect(await names({ bucket: null, sandbox: '/other' })).toEqual([]);
    expect(await readdir(folder.path)).toEqual(['runs.json']);
  });

  test('stay few', async () => {
    await using folder = await temporaryFolder('runctl-memory');
    const many = Array.from({ length: 300 }, (_, index) => run(`n${index}`));
    for (let bucket = 0; bucket < 20; bucket++)
      await rememberRuns(folder.path, { bucket: `b${bucket}`, sandbox: null }, many);
    expect((await rememberedRuns(folder.path, real('b19'))).length).toBe(100);
    expect((await rememberedRuns(folder.path, real(null))).length).toBe(1000);
  });

  test.each(['', '{', '{"version":2,"places":[{"runs":[]}]}', '{"version":1}', '{"version":1,"places":[{}]}'])(
    'are forgotten where the file is not what it should be: %j',
    async (text) => {
      await using folder = await temporaryFolder('runctl-memory');
      await writeFile(join(folder.path, 'runs.json'), text);
      expect(await rememberedRuns(folder.path, real(null))).toEqual([]);
      await rememberRuns(folder.path, { bucket: 'a', sandbox: null }, [run('one')]);
      expect(await rememberedRuns(folder.path, real(null))).toEqual([run('one')]);
    },
  );
});

describe('a list of runs', () => {
  async function launchedWorld() {
    const scope = await commandWorld({ 'train.py': 'print(1)\n', 'pyproject.toml': '' });
    const launched = await scope.world.run(['launch', 'train.py', '--name', 'tidy-otter', '--detach', '--yes']);
    expect(launched).toMatchObject({ exitCode: 0 });
    return scope;
  }

  test('is what completion knows afterwards, without the cloud', async () => {
    await using scope = await launchedWorld();
    const { world } = scope;
    const answer = (line: string): Promise<string> =>
      completeQuickly(['fish', '--', ...line.split(' ')], {
        commands: world.commands,
        env: {},
        cacheFolder: world.cacheFolder,
        home: world.folder,
        cwd: world.folder,
      });
    expect(await answer('logs t')).toBe('none\n');
    await world.run(['status']);
    expect(await answer('logs t')).toMatch(/^none\ntidy-otter\tr-\w{10}, train\.py, provisioning\n$/);
    expect(await answer('logs --bucket other t')).toBe('none\n');
    expect(await answer('logs --sandbox t')).toBe('none\n');
  });

  test('is asked of the cloud at each completion only when the environment says so', async () => {
    await using scope = await launchedWorld();
    const { world } = scope;
    expect((await world.run(['complete', 'zsh', '--', 'logs', 't'])).stdout).toMatch(/^none\ntidy-otter\t<run>, train/);
  });

  test('is shown where nothing can be kept', async () => {
    await using scope = await launchedWorld();
    const { world } = scope;
    await mkdir(join(world.cacheFolder, '..'), { recursive: true });
    await writeFile(world.cacheFolder, 'no folder');
    const shown = await world.run(['status']);
    expect(shown).toMatchObject({ exitCode: 0, stderr: '' });
    expect(shown.stdout).toContain('tidy-otter');
  });
});
