import type { VerifyEvent } from '@runctl/protocol/events';
import { mkdir, readdir, symlink, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createPublisher, recognisers } from '@runctl/checkpoint';
import { silentLog } from '@runctl/core';
import { intercepted } from '@runctl/store';
import { describe, expect, test } from 'vitest';
import { checkpointsOfRun, verifyOfRun } from '@runctl/operations/checkpoint';
import { commandWorld, type CommandWorld } from '../../testing/command-world.ts';

const HOUR_MS = 3_600_000;

const FOLDER = {
  'saves/checkpoint-5/state.json': '{"step": 5}',
  'saves/checkpoint-9/state.json': '{"step": ',
  'saves/train.log': 'text',
};

/** Makes it an hour later, and what is in the folder two hours old. */
async function later(world: CommandWorld): Promise<void> {
  const nowMs = Date.now() + HOUR_MS;
  world.clock.stepWall(nowMs - world.clock.wallMs());
  const written = (nowMs - 2 * HOUR_MS) / 1000;
  for (const path of await readdir(world.folder, { recursive: true }))
    await utimes(join(world.folder, path), written, written);
}

describe('of a folder', () => {
  test('list shows what the agent would say of it', async () => {
    await using scope = await commandWorld(FOLDER);
    await later(scope.world);
    const result = await scope.world.run(['checkpoint', 'list', 'saves']);
    expect(result).toMatchObject({ exitCode: 0, stderr: '' });
    expect(result.stdout.replaceAll(', no open writer', '')).toMatchInlineSnapshot(`
      "ENTRY         RECOGNISER  STEP  SIZE  SAVED  STATE     WHY
      checkpoint-9  plain       9     9 B   2h     torn      checkpoint-9/state.json: JSON ends too early or is broken
      checkpoint-5  plain       5     11 B  2h     complete  still for 2000 ms, JSON parses
      "
    `);
  });

  test('--json gives one object for each, info the files of the newest complete one', async () => {
    await using scope = await commandWorld(FOLDER);
    await later(scope.world);
    const listed = await scope.world.run(['checkpoint', 'list', 'saves', '--json']);
    expect(
      listed.stdout
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
    ).toMatchObject([
      { type: 'checkpoint', entry: 'checkpoint-9', step: 9, state: 'torn', fileCount: 1 },
      { type: 'checkpoint', entry: 'checkpoint-5', step: 5, state: 'complete', sizeBytes: 11 },
    ]);
    const info = await scope.world.run(['checkpoint', 'info', './saves', '--json']);
    expect(JSON.parse(info.stdout)).toMatchObject({
      entry: 'checkpoint-5',
      files: [{ path: 'checkpoint-5/state.json', sizeBytes: 11 }],
      companions: ['train.log'],
    });
    expect((await scope.world.run(['checkpoint', 'info', 'saves', '9'])).stdout).toContain('torn');
  });

  test('list tells what is part of no checkpoint', async () => {
    await using scope = await commandWorld(FOLDER);
    await symlink('/etc/hostname', join(scope.world.folder, 'saves/checkpoint-5/host'));
    await later(scope.world);
    const why = 'outside of the checkpoint folder, and not followed';
    const { stdout } = await scope.world.run(['checkpoint', 'list', 'saves']);
    expect(stdout).toMatch(new RegExp(`^not kept: checkpoint-5/host is a link to .*/hostname, ${why}$`, 'm'));
    const json = (await scope.world.run(['checkpoint', 'list', 'saves', '--json'])).stdout.trimEnd().split('\n');
    expect(JSON.parse(json.at(-1) ?? '')).toMatchObject({ type: 'passed-over', path: 'checkpoint-5/host' });
  });

  test('verify fails when one is torn, and not for one that is whole', async () => {
    await using scope = await commandWorld(FOLDER);
    await later(scope.world);
    const all = await scope.world.run(['checkpoint', 'verify', 'saves']);
    expect(all.exitCode).toBe(10);
    expect(all.stderr).toContain('error[checkpoint-damaged]: not whole: checkpoint-9');
    expect((await scope.world.run(['checkpoint', 'verify', 'saves', 'checkpoint-5'])).exitCode).toBe(0);
  });

  test('waits for files that are too young to be called still', async () => {
    await using scope = await commandWorld({ 'saves/model_5.bin': 'weights' });
    scope.world.clock.stepWall(Date.now() + 500 - scope.world.clock.wallMs());
    expect((await scope.world.run(['checkpoint', 'verify', 'saves'])).exitCode).toBe(0);
  });

  test('a path that is not there, a file and an empty folder are said to be so', async () => {
    await using scope = await commandWorld({ 'file.txt': '', 'empty/train.log': '' });
    const run = async (text: string) => scope.world.run(['checkpoint', 'verify', text]);
    expect(await run('./missing')).toMatchObject({ exitCode: 10, stderr: expect.stringContaining('not there') });
    expect(await run('file.txt')).toMatchObject({ exitCode: 10, stderr: expect.stringContaining('no folder') });
    expect(await run('empty')).toMatchObject({
      exitCode: 10,
      stderr: expect.stringContaining('no checkpoint in empty'),
    });
  });
});

/** A run with the checkpoints of two steps, as an agent publishes them. Gives the keys of its data. */
async function withCheckpoints(world: CommandWorld): Promise<readonly string[]> {
  await world.run(['launch', 'train.py', '--yes', '--detach', '--name', 'mine']);
  const { run } = await world.launched();
  const publisher = createPublisher({
    store: world.store,
    run,
    folder: join(world.folder, 'saves'),
    node: 0,
    clock: world.clock,
    log: silentLog,
    recognisers,
    openWriters: { among: () => Promise.resolve(new Set()) },
    settleMs: 1000,
    mayPublish: () => ({ generation: 1 }),
  });
  for (const step of [100, 200]) {
    const file = join(world.folder, 'saves', `model_${step}.bin`);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, `weights of ${step}`);
    const atSeconds = world.clock.wallMs() / 1000;
    await utimes(file, atSeconds, atSeconds);
    const ended = { clean: true, atMs: world.clock.wallMs() };
    const report = await publisher.pass({ signal: new AbortController().signal, ended });
    expect(report.published?.step).toBe(step);
    await world.clock.advance(60_000);
  }
  return (await world.keys()).filter((key) => key.includes('/data/'));
}

describe('of a run', () => {
  test('list shows what the bucket has, and which one a resume takes', async () => {
    await using scope = await commandWorld({ 'train.py': '' });
    await withCheckpoints(scope.world);
    expect((await scope.world.run(['checkpoint', 'list', 'mine'])).stdout).toMatchInlineSnapshot(`
      "CHECKPOINT  STEP  SIZE  FILES  SAVED  RECOGNISER  STATE
      1-2         200   14 B  1      1m     plain       latest
      1-1         100   14 B  1      2m     plain       committed
      "
    `);
    const json = await scope.world.run(['checkpoint', 'list', 'mine', '--json']);
    expect(json.stdout.split('\n')[0]).toMatch(
      /"checkpoint":"1-2","state":"latest",.*"generation":1,"seq":2,"step":200/,
    );
  });

  test('a manifest that somebody damaged is listed as such', async () => {
    await using scope = await commandWorld({ 'train.py': '' });
    const { world } = scope;
    await withCheckpoints(world);
    const key = (await world.keys()).find((each) => each.endsWith('1.json') && each.includes('/manifests/')) ?? '';
    await world.store.put(key, Buffer.from('{"version": 1, "gen'));
    expect((await world.run(['checkpoint', 'list', 'mine'])).stdout).toMatch(/1-1 .*unreadable/);
    expect((await world.run(['checkpoint', 'verify', 'mine', '1-1'])).exitCode).toBe(10);
  });

  test.each([
    ['the latest manifest', '/manifests/000001-00000002.json', /^1-2 .*latest, unreadable\n1-1 .*unknown/m, 10],
    ['the pointer', '/latest.json', /^1-2 .*unknown\n1-1 .*unknown/m, 0],
  ])('of a run with %s damaged, list tells what is not known and verify tries what a resume would', async (...row) => {
    const [, damaged, shown, exitCode] = row;
    await using scope = await commandWorld({ 'train.py': '' });
    const { world } = scope;
    await withCheckpoints(world);
    const key = (await world.keys()).find((each) => each.endsWith(damaged)) ?? '';
    await world.store.put(key, Buffer.from('{"version": 1, "gen'));
    expect(await world.run(['checkpoint', 'list', 'mine'])).toMatchObject({
      exitCode: 0,
      stdout: expect.stringMatching(shown) as string,
    });
    const verified = await world.run(['checkpoint', 'verify', 'mine']);
    expect(verified).toMatchObject({ exitCode, stdout: expect.stringMatching(/^1-2: /) as string });
    if (exitCode === 0) expect(verified.stderr).toContain('warning: ');
    else expect(verified.stderr).toContain('error[checkpoint-damaged]');
  });

  test('info shows files and objects, by number and by step', async () => {
    await using scope = await commandWorld({ 'train.py': '' });
    const [key] = await withCheckpoints(scope.world);
    const byStep = await scope.world.run(['checkpoint', 'info', 'mine', '100', '--json']);
    expect(byStep.stdout).toContain('"checkpoint":"1-1"');
    expect(byStep.stdout).toContain('"files":[{"path":"model_100.bin"');
    expect(byStep.stdout).toContain(`/${key?.split('/').at(-1)}","sizeBytes":14`);
    expect((await scope.world.run(['checkpoint', 'info', 'mine'])).stdout).toContain('model_200.bin');
    const missing = await scope.world.run(['checkpoint', 'info', 'mine', '300']);
    expect(missing).toMatchObject({ exitCode: 10, stderr: expect.stringContaining('the newest are 1-2, 1-1') });
  });

  test('verify reads every object: missing, shortened and changed ones are found', async () => {
    await using scope = await commandWorld({ 'train.py': '' });
    const { world } = scope;
    const keys = await withCheckpoints(world);
    const whole = await world.run(['checkpoint', 'verify', 'mine', '--all']);
    expect(whole).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining('1-1: 1 files, 14 B, as they were saved'),
    });
    const newest = keys.find((key) => key.endsWith('model_200.bin')) ?? '';
    for (const damage of ['weights of 2', 'weights of 20!']) {
      await world.store.put(newest, Buffer.from(damage));
      const result = await world.run(['checkpoint', 'verify', 'mine', '--json']);
      expect(result.exitCode).toBe(10);
      expect(JSON.parse(result.stdout)).toMatchObject({
        checkpoint: '1-2',
        problems: [expect.stringContaining('model_200.bin')],
      });
      expect(JSON.parse(result.stderr)).toMatchObject({ code: 'checkpoint-damaged', exitCode: 10 });
    }
    await world.store.delete([newest]);
    expect((await world.run(['checkpoint', 'verify', 'mine'])).stdout).toContain('missing');
    expect((await world.run(['checkpoint', 'verify', 'mine', '1-1'])).exitCode).toBe(0);
  });

  test('verify shows how far it is, how fast and for how long still, and --json nothing of it', async () => {
    await using scope = await commandWorld({ 'train.py': '' });
    const { world } = scope;
    await withCheckpoints(world);
    const { run } = await world.launched();
    const { clock } = world;
    const slow = intercepted(world.store, async ({ key, operation }, perform) => {
      if (operation === 'get' && key?.includes('/data/') === true) await clock.advance(2000);
      return perform();
    });
    const access = { store: slow, run, clock, signal: new AbortController().signal };
    const events: VerifyEvent[] = [];
    const { checkpoints } = await checkpointsOfRun(access);
    for await (const event of verifyOfRun(access, checkpoints)) events.push(event);
    expect(events).toMatchObject([
      { type: 'progress', doneBytes: 0, totalBytes: 28, bytesPerSecond: null, leftMs: null },
      { type: 'progress', doneBytes: 14, totalBytes: 28, bytesPerSecond: 7, leftMs: 2000 },
      { type: 'verified', checkpoint: '1-2', verifiedBytes: 14, problems: [] },
      { type: 'progress', doneBytes: 28, totalBytes: 28 },
      { type: 'verified', checkpoint: '1-1' },
    ]);
    world.answer = true;
    expect((await world.run(['checkpoint', 'verify', 'mine', '--all'])).stderr).toContain('0 B of 28 B');
    expect((await world.run(['checkpoint', 'verify', 'mine', '--all', '--json'])).stderr).toBe('');
  });

  test('without any checkpoint list says so, verify and info fail', async () => {
    await using scope = await commandWorld({ 'train.py': '' });
    await scope.world.run(['launch', 'train.py', '--yes', '--detach', '--name', 'mine']);
    expect(await scope.world.run(['checkpoint', 'list', 'mine'])).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining('has no checkpoint'),
    });
    expect((await scope.world.run(['checkpoint', 'verify', 'mine'])).exitCode).toBe(10);
    expect((await scope.world.run(['checkpoint', 'info', 'mine'])).exitCode).toBe(10);
  });
});
