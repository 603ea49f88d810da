import { MemoryStore, StoreError, intercepted, readText, type ObjectStore } from '@runctl/store';
import { readFile, readdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { commandWorld, type CommandWorld } from '../../testing/command-world.ts';

async function put(world: CommandWorld, objects: Record<string, string>): Promise<void> {
  for (const [key, content] of Object.entries(objects)) await world.store.put(key, Buffer.from(content));
}

const FOLDER = { 'data/a.txt': 'alpha', 'data/deep/b.txt': 'beta', 'data/c.tmp': 'leave me' };

describe('s3 upload', () => {
  test('sends a folder once, and then only what has changed', async () => {
    await using scope = await commandWorld(FOLDER);
    const { world } = scope;
    const first = await world.run(['s3', 'upload', 'data', 'backup', '--exclude', '*.tmp']);
    expect(first).toMatchObject({ exitCode: 0, stderr: '' });
    expect(first.stdout).toMatch(/^2 files \(9 B\) from data to backup in /);
    expect(await world.keys()).toEqual(['backup/a.txt', 'backup/deep/b.txt']);
    await writeFile(join(world.folder, 'data/a.txt'), 'ALPHA');
    const second = await world.run(['s3', 'upload', 'data/', 's3://bbb/backup/', '--exclude', '*.tmp', '-v']);
    expect(second.stderr).toContain('send a.txt (5 B)');
    expect(second.stdout).toMatch(/^1 file \(5 B\) .*, 1 file the same already/);
    expect(await readText(world.store, 'backup/a.txt')).toBe('ALPHA');
  });

  test('sends one file under another name, or into a folder', async () => {
    await using scope = await commandWorld({ 'model.pt': 'weights' });
    const { world } = scope;
    await world.run(['s3', 'upload', 'model.pt', 's3://bbb/models/best.pt']);
    await world.run(['s3', 'upload', 'model.pt', 's3://bbb/models/']);
    expect(await world.keys()).toEqual(['models/best.pt', 'models/model.pt']);
  });

  test('only says what it would do with --dry-run', async () => {
    await using scope = await commandWorld(FOLDER);
    const { world } = scope;
    await put(world, { 'backup/a.txt': 'other' });
    const result = await world.run(['s3', 'upload', 'data', 'backup', '--dry-run']);
    expect(result.stdout).toMatchInlineSnapshot(`
      "send a.txt (5 B): other content (CRC-32)
      send c.tmp (8 B): not in the bucket
      send deep/b.txt (4 B): not in the bucket
      would move 3 files (17 B) from data to backup; nothing was changed
      "
    `);
    expect(await world.keys()).toEqual(['backup/a.txt']);
  });

  test.each([
    ['s3', 'upload', 'data', 'backup'],
    ['s3', 'download', 'backup/', 'data'],
    ['s3', 'download', 'backup/', 'elsewhere'],
    ['s3', 'sync', 'data', 'backup', '--delete', '--yes'],
    ['s3', 'sync', 'data', 'backup', '--direction', 'down', '--delete', '--yes'],
    ['s3', 'sync', 'data', 'backup', '--direction', 'both', '--prefer', 'local'],
    ['transfer', 'data', 's3://bbb/backup/'],
    ['transfer', 's3://bbb/backup/', 's3://bbb/copy/'],
  ])('%s %s %s %s … --dry-run leaves both sides as they are', async (...argv) => {
    await using scope = await commandWorld(FOLDER);
    const { world } = scope;
    await put(world, { 'backup/a.txt': 'other', 'backup/theirs': 'new' });
    const both = async () => ({
      files: (await readdir(world.folder, { recursive: true })).toSorted(),
      here: await readFile(join(world.folder, 'data/a.txt'), 'utf8'),
      keys: await world.keys(),
      there: await readText(world.store, 'backup/a.txt'),
    });
    const before = await both();
    const result = await world.run([...argv, '--dry-run']);
    expect(result).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/^would (?:move|copy) /m) as string });
    expect(await both()).toEqual(before);
  });

  test('a name that commands the terminal is shown and does not reach it, for programs as it is', async () => {
    await using scope = await commandWorld({});
    const { world } = scope;
    const evil = 'c/\u001b[2Jgone\nnew';
    await put(world, { [evil]: 'x', 'c/\u001b]52;c;eA==\u0007\\up': 'x' });
    const shown = 'c/\\x1b[2Jgone\\x0anew';
    const listed = await world.run(['s3', 'list', 'c/', '--recursive']);
    const rehearsed = await world.run(['s3', 'download', 'c/', 'to', '--dry-run']);
    for (const text of [listed.stdout, rehearsed.stdout, rehearsed.stderr]) expect(text).not.toMatch(/[^\n -~…]/);
    expect(listed.stdout).toContain(shown);
    expect(rehearsed.stdout).toContain(shown.slice(2));
    const json = await world.run(['s3', 'list', 'c/', '--recursive', '--json']);
    expect(JSON.parse(json.stdout.split('\n')[0] ?? '')).toMatchObject({ key: evil });
  });

  test('tells programs each file and the sum', async () => {
    await using scope = await commandWorld({ 'data/a.txt': 'alpha' });
    const { world } = scope;
    const { stdout } = await world.run(['s3', 'upload', 'data', 'backup', '--json']);
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines.filter((line) => line['type'] !== 'progress')).toEqual([
      {
        type: 'file',
        kind: 'upload',
        path: 'a.txt',
        sizeBytes: 5,
        why: 'not in the bucket',
        movedBytes: 5,
        verified: 'crc32',
      },
      expect.objectContaining({ type: 'transferred', uploaded: 1, kept: 0, movedBytes: 5, failed: 0, dryRun: false }),
    ]);
    expect(lines.find((line) => line['type'] === 'progress')).toMatchObject({ totalBytes: 5, totalFiles: 1 });
  });

  test('takes the rest, names what it could not take, and fails', async () => {
    await using scope = await commandWorld({ 'data/a.txt': 'alpha', secret: 'x' });
    const { world } = scope;
    await symlink(join(world.folder, 'secret'), join(world.folder, 'data/link'));
    const result = await world.run(['s3', 'upload', 'data', 'backup']);
    expect(result.exitCode).toBe(2);
    expect(result.stderr).toContain('refused link: it is a link to <folder>/secret, which lies outside the folder');
    expect(result.stderr).toContain('error[file-unreadable]: 1 name could not be taken');
    expect(await world.keys()).toEqual(['backup/a.txt']);
  });

  test.each([
    [['s3', 'upload', 'nothing', 'x'], 'file-unreadable', 2],
    [['s3', 'upload', 'data', 's3://'], 'usage', 2],
    [['s3', 'upload', 'data', 'gs://b/x'], 'usage', 2],
    [['s3', 'upload', 'data', '../x'], 'usage', 2],
    [['s3', 'upload', 'data', 'x', '--parallel', 'none'], 'usage', 2],
    [['s3', 'sync', 'data', 'x', '--direction', 'sideways'], 'usage', 2],
    [['s3', 'sync', 'data', 'x', '--direction', 'both', '--delete'], 'usage', 2],
    [['s3', 'sync', 'data', 'x', '--prefer', 'newer'], 'usage', 2],
    [['s3', 'download', 'nothing/', 'x'], 'object-not-found', 10],
    [['s3', 'download', 'nothing', 'x'], 'object-not-found', 10],
  ] as const)('%j ends with %s', async (argv, code, exitCode) => {
    await using scope = await commandWorld(FOLDER);
    const result = await scope.world.run(argv);
    expect(result.stderr).toContain(`error[${code}]`);
    expect(result.exitCode).toBe(exitCode);
  });
});

describe('s3 download', () => {
  test('fetches a folder, and then only what is missing', async () => {
    await using scope = await commandWorld();
    const { world } = scope;
    await put(world, { 'backup/a.txt': 'alpha', 'backup/deep/b.txt': 'beta', backups: 'not this' });
    expect(await world.run(['s3', 'download', 'backup', 'here'])).toMatchObject({ exitCode: 0 });
    expect(await readFile(join(world.folder, 'here/deep/b.txt'), 'utf8')).toBe('beta');
    await writeFile(join(world.folder, 'here/a.txt'), 'local');
    const again = await world.run(['s3', 'download', 's3://bbb/backup/', 'here']);
    expect(again.stdout).toMatch(/^1 file \(5 B\) .*, 1 file the same already/);
    expect((await readdir(join(world.folder, 'here'), { recursive: true })).sort()).toEqual([
      'a.txt',
      'deep',
      'deep/b.txt',
    ]);
  });

  test('fetches one object under its own name or another', async () => {
    await using scope = await commandWorld({ 'there/old': '' });
    const { world } = scope;
    await put(world, { 'models/best.pt': 'weights' });
    await world.run(['s3', 'download', 's3://bbb/models/best.pt', 'mine.pt']);
    await world.run(['s3', 'download', 'models/best.pt', 'there']);
    await world.run(['s3', 'download', 'models/best.pt', 'new/']);
    for (const path of ['mine.pt', 'there/best.pt', 'new/best.pt'])
      expect(await readFile(join(world.folder, path), 'utf8')).toBe('weights');
  });

  test('says which object is damaged, and brings the others', async () => {
    await using scope = await commandWorld();
    const { world } = scope;
    await put(world, { 'd/a': 'alpha', 'd/b': 'beta' });
    const inner = world.store;
    const damaged: ObjectStore = intercepted(inner, async (call, perform) => {
      const result = await perform();
      if (call.operation !== 'get' || call.key !== 'd/a') return result;
      return {
        ...(result as object),
        body: (async function* () {
          yield Buffer.from('alphA');
        })(),
      } as typeof result;
    });
    world.cloudStore = damaged;
    const result = await world.run(['s3', 'download', 'd', 'here']);
    expect(result.exitCode).toBe(21);
    expect(result.stderr).toContain('a (d/a does not hold the bytes that S3 recorded a checksum of)');
    expect(await readdir(join(world.folder, 'here'))).toEqual(['b']);
  });

  test.each([
    ['bucket-missing', 'bucket-not-found', 10],
    ['denied', 'access-denied', 12],
    ['credentials', 'no-credentials', 12],
    ['transient', 'cloud-unreachable', 14],
  ] as const)('a store that fails as %s ends it with %s', async (kind, code, exitCode) => {
    await using scope = await commandWorld();
    const { world } = scope;
    world.cloudStore = intercepted(new MemoryStore({ clock: world.clock }), () =>
      Promise.reject(new StoreError(kind, 'no')),
    );
    world.cloudStore.list = () => {
      throw new StoreError(kind, 'no');
    };
    const result = await world.run(['s3', 'download', 's3://bbb/x', 'here']);
    expect(result.stderr).toContain(`error[${code}]`);
    expect(result.exitCode).toBe(exitCode);
  });
});

describe('s3 sync', () => {
  test('brings both sides together, and leaves what differs unless told which side is right', async () => {
    await using scope = await commandWorld({ 'data/mine': '1', 'data/both': 'here', 'data/same': 's' });
    const { world } = scope;
    await put(world, { 'p/theirs': '2', 'p/both': 'there', 'p/same': 's' });
    const result = await world.run(['s3', 'sync', 'data', 'p', '--direction', 'both']);
    expect(result.exitCode).toBe(21);
    expect(result.stderr).toContain('1 file differs on both sides and stayed unchanged: both');
    expect(await readFile(join(world.folder, 'data/theirs'), 'utf8')).toBe('2');
    expect(await readText(world.store, 'p/mine')).toBe('1');
    expect(await readText(world.store, 'p/both')).toBe('there');
    expect(await world.run(['s3', 'sync', 'data', 'p', '--direction', 'both', '--prefer', 'local'])).toMatchObject({
      exitCode: 0,
    });
    expect(await readText(world.store, 'p/both')).toBe('here');
  });

  test('asks before it deletes, and deletes only below the folder', async () => {
    await using scope = await commandWorld({ 'data/a': '1' });
    const { world } = scope;
    await put(world, { 'p/a': '1', 'p/old': '2', other: '3' });
    const refused = await world.run(['s3', 'sync', 'data', 'p', '--delete']);
    expect(refused.exitCode).toBe(22);
    expect(refused.stderr).toContain('delete 1 file that the source does not have, such as old?');
    world.answer = false;
    expect((await world.run(['s3', 'sync', 'data', 'p', '--delete'])).exitCode).toBe(22);
    expect(await world.keys()).toEqual(['other', 'p/a', 'p/old']);
    world.answer = true;
    expect((await world.run(['s3', 'sync', 'data', 'p', '--delete'])).exitCode).toBe(0);
    expect(await world.keys()).toEqual(['other', 'p/a']);
  });
});

describe('transfer', () => {
  test('runs with the options of the old tool that have no effect, says what happens instead, and does not show them', async () => {
    await using scope = await commandWorld(FOLDER);
    const { world } = scope;
    const old = ['--compress', '--no-verify', '--resume', '--use-s5cmd', '--parallel', '10'];
    const up = await world.run(['transfer', 'data', 's3://bbb/x/', ...old]);
    expect(up.exitCode).toBe(0);
    for (const line of [
      '--compress has no effect: objects hold exactly what the files hold',
      '--no-verify has no effect: everything is always verified',
      '--resume has no effect: what was cut off is always gone on with',
      '--use-s5cmd has no effect: the built-in engine moves the files',
    ])
      expect(up.stderr.split('\n')).toContain(line);
    expect((await world.run(['transfer', 's3://bbb/x/', 's3://bbb/y/', '--verify'])).stderr).toContain(
      '--verify has no',
    );
    expect((await world.run(['s3', 'upload', 'data', 's3://bbb/x/', '-r', '--use-s5cmd'])).exitCode).toBe(0);
    expect((await world.run(['transfer', 'data', 's3://bbb/z/'])).stderr).not.toContain('no effect');
    for (const command of ['transfer', 's3 upload', 's3 sync'])
      expect((await world.run([...command.split(' '), '--help'])).stdout).not.toMatch(
        /compress|--verify|--resume|s5cmd|accepted/,
      );
    expect((await world.run(['transfer', 'data', 's3://bbb/z/', '--compress', '--paralel', '2'])).stderr).toContain(
      'unknown option --paralel',
    );
  });

  test('goes up, down and inside a bucket, and refuses what it can not reach', async () => {
    await using scope = await commandWorld(FOLDER);
    const { world } = scope;
    expect(
      await world.run(['transfer', 'data', 's3://bbb/x/', '--verify', '--resume', '--parallel', '10']),
    ).toMatchObject({
      exitCode: 0,
    });
    const copied = await world.run(['transfer', 's3://bbb/x/', 's3://bbb/y/']);
    expect(copied.stdout).toContain('copied 3 objects inside the bucket');
    expect((await world.run(['transfer', 's3://bbb/x/', 's3://bbb/y/'])).stdout).toContain('copied 0 objects');
    expect((await world.run(['transfer', 's3://bbb/y', 'back'])).exitCode).toBe(0);
    expect(await readFile(join(world.folder, 'back/deep/b.txt'), 'utf8')).toBe('beta');
    for (const [from, to, words] of [
      ['data', 'other', 'both on this computer'],
      ['s3://bbb/x/', 's3://ccc/x/', 'different buckets'],
      ['s3://bbb/x/', 's3://bbb/x/in/', 'never end'],
      ['instance:i-0123:/data', 'here', 'not reached by transfer yet'],
      ['instance:i-0123:data', 'here', 'no path on an instance'],
    ] as const)
      expect((await world.run(['transfer', from, to])).stderr).toContain(words);
  });
});
