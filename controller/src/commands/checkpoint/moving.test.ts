import { openOutputFolder } from '@runctl/checkpoint';
import { silentLog } from '@runctl/core';
import { controlDocument, decodeDocument, runKeys } from '@runctl/protocol';
import { readBytes } from '@runctl/store';
import { mkdir, readFile, readdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { commandWorld, type CommandWorld } from '../../testing/command-world.ts';
import type { WrittenRun } from '@runctl/operations/testing';

const PROJECT = { 'requirements.txt': '', 'train.py': 'print("hello")\n' };

/** A run with checkpoints of steps 10, 20 and 30. */
async function runWithCheckpoints(world: CommandWorld): Promise<WrittenRun> {
  await world.run(['launch', 'train.py', '--yes', '--detach', '--name', 'mine']);
  const run = await world.launched();
  await run.started(1);
  for (const [index, step] of [10, 20, 30].entries()) {
    await run.checkpoint(1, index + 1, step);
    await world.clock.advance(1000);
  }
  return run;
}

describe('checkpoint pull', () => {
  test('brings the newest, verified, beside what is there', async () => {
    await using scope = await commandWorld({ ...PROJECT, 'here/notes.txt': 'mine' });
    const { world } = scope;
    await runWithCheckpoints(world);
    const result = await world.run(['checkpoint', 'pull', 'mine', 'here']);
    expect(result, result.stderr).toMatchObject({ exitCode: 0, stderr: '' });
    expect(result.stdout).toMatch(/^step 30 of <run> from memory: 1 file, .*, verified, in .*\n<folder>\/here\n/);
    expect(await readFile(join(world.folder, 'here/notes.txt'), 'utf8')).toBe('mine');
  });

  test('brings the one that was asked for, and says what there is when there is none such', async () => {
    await using scope = await commandWorld(PROJECT);
    const { world } = scope;
    await runWithCheckpoints(world);
    expect((await world.run(['checkpoint', 'pull', 'mine', 'a', '--step', '20'])).stdout).toContain('step 20 of');
    expect((await world.run(['checkpoint', 'pull', 'mine', 'b', '--manifest', '1-1'])).stdout).toContain('step 10 of');
    const missing = await world.run(['checkpoint', 'pull', 'mine', 'c', '--step', '25']);
    expect(missing.exitCode).toBe(10);
    expect(missing.stderr).toContain('hint: it has those of step 10, 20, 30');
    for (const argv of [
      ['--manifest', 'newest'],
      ['--step', ''],
      ['--step', 'x'],
      ['--step', '1', '--manifest', '1-1'],
    ])
      expect((await world.run(['checkpoint', 'pull', 'mine', 'c', ...argv])).exitCode).toBe(2);
  });

  test('falls back past a damaged one with a warning, but never from one that was named', async () => {
    await using scope = await commandWorld(PROJECT);
    const { world } = scope;
    const { run } = await runWithCheckpoints(world);
    for (const key of await world.keys())
      if (key.startsWith(`runs/${run}/data/000001-00000003`)) await world.store.put(key, Buffer.from('damaged'));
    const result = await world.run(['checkpoint', 'pull', 'mine', 'a']);
    expect(result.stdout).toContain('step 20 of');
    expect(result.stderr).toMatch(/warning: .*\(step 30\) could not be used/);
    const named = await world.run(['checkpoint', 'pull', 'mine', 'b', '--step', '30', '--json']);
    expect(JSON.parse(named.stderr)).toMatchObject({ type: 'error', code: 'checkpoint-not-found', exitCode: 10 });
  });

  test('only says what would come with --dry-run', async () => {
    await using scope = await commandWorld(PROJECT);
    const { world } = scope;
    await runWithCheckpoints(world);
    const result = await world.run(['checkpoint', 'pull', 'mine', 'here', '--dry-run', '--step', '10']);
    expect(result.stdout).toContain('would bring step 10: 1 file,');
    expect(await readdir(world.folder)).not.toContain('here');
  });

  test.each([
    [
      'the latest manifest',
      '/manifests/000001-00000003.json',
      'would bring step 20:',
      /warning: .*0003\.json could not/,
    ],
    ['the pointer', '/latest.json', 'would bring step 30:', /warning: .*latest\.json .*: taking the newest manifest/],
  ])('--dry-run goes around %s when it is damaged, as the pull would, and status tells it', async (...row) => {
    const [, damaged, brought, warning] = row;
    await using scope = await commandWorld(PROJECT);
    const { world } = scope;
    await runWithCheckpoints(world);
    const key = (await world.keys()).find((each) => each.endsWith(damaged)) ?? '';
    await world.store.put(key, Buffer.from('{'));
    const rehearsed = await world.run(['checkpoint', 'pull', 'mine', 'here', '--dry-run']);
    expect(rehearsed).toMatchObject({ exitCode: 0, stdout: expect.stringContaining(brought) as string });
    expect(rehearsed.stderr).toMatch(warning);
    const pulled = await world.run(['checkpoint', 'pull', 'mine', 'here']);
    expect(pulled.stdout).toContain(brought.replace('would bring ', '').slice(0, -1));
    const status = await world.run(['status', 'mine']);
    expect(status, status.stderr).toMatchObject({ exitCode: 0 });
    expect(status.stdout).toMatch(/damaged +runs\/.*: a resume takes the/);
  });

  test('into a folder without a name, such as that of an unset variable, is refused', async () => {
    await using scope = await commandWorld(PROJECT);
    await runWithCheckpoints(scope.world);
    const refused = await scope.world.run(['checkpoint', 'pull', 'mine', '']);
    expect(refused).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('hint: ') as string });
  });

  test('into what is no folder fetches nothing', async () => {
    await using scope = await commandWorld({ ...PROJECT, here: 'a file' });
    const { world } = scope;
    await runWithCheckpoints(world);
    for (const more of [[], ['--dry-run']]) {
      const refused = await world.run(['checkpoint', 'pull', 'mine', 'here', ...more]);
      expect(refused).toMatchObject({
        exitCode: 2,
        stderr: expect.stringMatching(/here is no folder\nhint: /) as string,
      });
    }
    expect((await readdir(world.folder)).filter((name) => name.startsWith('.runctl-restore'))).toEqual([]);
  });

  test('of two into one folder at once, one waits to be run again', async () => {
    await using scope = await commandWorld(PROJECT);
    const { world } = scope;
    await runWithCheckpoints(world);
    const both = await Promise.all([1, 2].map(() => world.run(['checkpoint', 'pull', 'mine', 'here'])));
    expect(both.map(({ exitCode }) => exitCode).toSorted((a, b) => a - b)).toEqual([0, 21]);
    const held = both.find(({ exitCode }) => exitCode === 21);
    expect(held?.stderr).toMatch(/another pull into .* is under way/);
    expect((await world.run(['checkpoint', 'pull', 'mine', 'here'])).exitCode).toBe(0);
    expect(await readdir(join(world.folder, 'here'))).toEqual(['c.json']);
  });
});

describe('checkpoint save', () => {
  test('asks the agent, waits until it is done, and says what happened', async () => {
    await using scope = await commandWorld(PROJECT);
    const { world } = scope;
    const run = await runWithCheckpoints(world);
    await run.lease(1);
    const savedAt = '2026-01-01T00:00:00.000Z';
    const durable = { manifest: 'm', step: 40, savedAt, at: savedAt };
    await run.heartbeat(1, { step: 41 });
    const result = await world.run(['checkpoint', 'save', 'mine'], async () => {
      let wish: string | undefined;
      while (wish === undefined) {
        await world.clock.sleep(100);
        wish = (await world.keys()).find((key) => key.startsWith(runKeys(run.run).controlFolder));
      }
      const document = decodeDocument(controlDocument, await readBytes(world.store, wish), wish);
      expect(document).toMatchObject({ action: 'checkpoint', launch: 1 });
      await run.lease(1);
      await run.heartbeat(1, { step: 42, uploads: [{ path: 'x', sentBytes: 512, sizeBytes: 1024 }] });
      await world.clock.sleep(3000);
      await run.checkpoint(1, 4, 40);
      await run.heartbeat(1, { step: 45, durable, savedFor: { nonce: document.nonce, at: savedAt, notDurable: [] } });
    });
    expect(result.stdout).toBe(`step 40 of <run>, written ${savedAt}, is durable now (it is at step 45)\n`);
    expect(result.stderr).toContain('asked i-1; step 41, durable 30\nuploading: 512 B of 1.0 KiB');
  });

  test('says that nobody is alive, or that the agent does not answer', async () => {
    await using scope = await commandWorld(PROJECT);
    const { world } = scope;
    const run = await runWithCheckpoints(world);
    await run.heartbeat(1, { step: 41 });
    expect((await world.run(['checkpoint', 'save', 'mine'])).stderr).toContain('error[agent-unreachable]: no machine');
    await run.lease(1);
    const silent = await world.run(['checkpoint', 'save', 'mine', '--timeout', '20s']);
    expect(silent).toMatchObject({ exitCode: 14, stderr: expect.stringContaining('durable step 30') });
    await run.outcome({ status: 'succeeded' });
    expect((await world.run(['checkpoint', 'save', 'mine'])).stderr).toContain('error[not-resumable]');
  });
});

describe('checkpoint cleanup', () => {
  test('keeps the newest whole ones of a folder, and all that may still be written', async () => {
    const folder = Object.fromEntries(
      [1, 2, 3, 4].map((step) => [`c/checkpoint-${step}/state.json`, `{"step": ${step}}`]),
    );
    await using scope = await commandWorld({
      ...folder,
      'c/checkpoint-5/state.json': '{"step": ',
      'c/train.log': 'mine',
    });
    const { world } = scope;
    // An hour from now, all of it is old.
    world.clock.stepWall(Date.now() + 3_600_000 - world.clock.wallMs());
    for (const step of [1, 2, 3, 4, 5]) {
      const at = new Date(Date.now() - 60_000 + step * 1000);
      await utimes(join(world.folder, `c/checkpoint-${step}/state.json`), at, at);
    }
    const dry = await world.run(['checkpoint', 'cleanup', 'c', '--keep-last-n', '2', '--dry-run']);
    expect(dry.stdout).toMatch(/^keep {3}checkpoint-5 .*torn, but no newer one is whole/);
    expect(dry.stdout).toContain('would delete 2 of 5 checkpoints');
    expect((await world.run(['checkpoint', 'cleanup', './c', '--keep-last-n', '2'])).exitCode).toBe(22);
    const done = await world.run(['checkpoint', 'cleanup', './c', '--keep-last-n', '2', '--yes']);
    expect(done, done.stdout).toMatchObject({ exitCode: 0 });
    expect((await readdir(join(world.folder, 'c'))).sort()).toEqual([
      'checkpoint-3',
      'checkpoint-4',
      'checkpoint-5',
      'train.log',
    ]);
  });

  test('of a run that has ended keeps what it could fall back to, and gives the lease back', async () => {
    await using scope = await commandWorld(PROJECT);
    const { world } = scope;
    const run = await runWithCheckpoints(world);
    await run.lease(1, { released: true });
    const alive = await world.run(['checkpoint', 'cleanup', 'mine', '--yes']);
    expect(alive.stderr).toContain('error[run-active]');
    await run.outcome({ status: 'succeeded' });
    await world.clock.advance(3_700_000);
    const dry = await world.run(['checkpoint', 'cleanup', 'mine', '--keep-last-n', '1', '--dry-run']);
    expect(dry.stdout).toMatch(/delete 000001-00000001 \(step 10\).*\nkeep {3}000001-00000002/);
    const before = (await world.keys()).length;
    const done = await world.run(['checkpoint', 'cleanup', 'mine', '--keep-last-n', '1', '--yes']);
    expect(done, done.stderr).toMatchObject({ exitCode: 0 });
    expect((await world.keys()).length).toBe(before - 2);
    const lease = JSON.parse(Buffer.from(await readBytes(world.store, runKeys(run.run).lease)).toString()) as object;
    expect(lease).toMatchObject({ generation: 2, released: true });
  });
});

describe('checkpoint resume', () => {
  test('runs the script here with the checkpoint, and fails as it does', async () => {
    await using scope = await commandWorld({ ...PROJECT, 'ckpt/step-1.pt': 'x' });
    const { world } = scope;
    const path = join(world.folder, 'ckpt/step-1.pt');
    const script = join(world.folder, 'train.py');
    expect((await world.run(['checkpoint', 'resume', 'ckpt/step-1.pt', 'train.py', '--', '--lr', '1'])).exitCode).toBe(
      0,
    );
    expect(world.foreground).toEqual([
      { command: 'python3', args: [script, '--lr', '1', '--resume', path], resumeFrom: path },
    ]);
    world.foregroundExitCode = 3;
    const failed = await world.run(['checkpoint', 'resume', 'ckpt', 'train.py', '--resume-argument', '--from={path}']);
    expect(failed).toMatchObject({ exitCode: 20, stderr: expect.stringContaining('exit code 3') });
    expect(world.foreground.at(-1)?.args).toEqual([script, `--from=${join(world.folder, 'ckpt')}`]);
    // Without a place for the path the script would start over.
    const pathless = await world.run(['checkpoint', 'resume', 'ckpt', 'train.py', '--resume-argument', '--from']);
    expect(pathless).toMatchObject({
      exitCode: 2,
      stderr: expect.stringMatching(/\{path\} in it, not "--from"\nhint: /) as string,
    });
    expect(world.foreground).toHaveLength(2);
    expect((await world.run(['checkpoint', 'resume', 'nothing', 'train.py'])).exitCode).toBe(10);
    expect((await world.run(['checkpoint', 'resume', 'ckpt', 'nothing.py'])).exitCode).toBe(2);
  });
});

describe('checkpoint pull --output', () => {
  /** A run that has kept a model and a plot. */
  async function runWithOutput(world: CommandWorld): Promise<string> {
    await world.run(['launch', 'train.py', '--yes', '--detach', '--name', 'mine', '--output-dir', 'outputs']);
    const { run } = await world.launched();
    const folder = join(world.folder, 'machine/outputs');
    await mkdir(join(folder, 'plots'), { recursive: true });
    await writeFile(join(folder, 'model.bin'), 'weights');
    await writeFile(join(folder, 'plots/loss.txt'), '0.1');
    const { clock, store } = world;
    const mayPublish = () => ({ generation: 1 });
    const place = { store, run, folder, checkpointFolder: join(world.folder, 'machine/checkpoints') };
    const output = openOutputFolder({ ...place, clock, log: silentLog, settleMs: 0, mayPublish });
    await output.pass({ signal: new AbortController().signal, ended: true });
    return run;
  }

  test('brings what the run kept, verified, and moves what is in the way aside', async () => {
    await using scope = await commandWorld({ ...PROJECT, 'results/model.bin': 'mine', 'results/notes.txt': 'mine' });
    const { world } = scope;
    await runWithOutput(world);
    const rehearsed = await world.run(['checkpoint', 'pull', 'mine', 'results', '--output', '--dry-run']);
    expect(rehearsed.stdout).toContain('would bring the output of <run>: 2 files, 10 B');
    const result = await world.run(['checkpoint', 'pull', 'mine', 'results', '--output']);
    expect(result, result.stderr).toMatchObject({ exitCode: 0 });
    expect(result.stdout).toMatch(/^output of <run> from memory, kept .*: 2 files, 10 B, verified, in .*\n.*results\n/);
    expect(result.stderr).toMatch(/warning: moved to .*runctl-set-aside-results-1: model\.bin/);
    const brought = (path: string): Promise<string> => readFile(join(world.folder, 'results', path), 'utf8');
    expect(await brought('model.bin')).toBe('weights');
    expect(await brought('plots/loss.txt')).toBe('0.1');
    expect(await brought('notes.txt')).toBe('mine');
    expect(await readFile(join(world.folder, '.runctl-set-aside-results-1/model.bin'), 'utf8')).toBe('mine');
  });

  test('tells a program the same, and takes --output json for the form of what is printed', async () => {
    await using scope = await commandWorld(PROJECT);
    const { world } = scope;
    const run = await runWithOutput(world);
    const pull = ['checkpoint', 'pull', 'mine', '--output', '--output', 'json'];
    const last = (await world.run(pull)).stdout.trim().split('\n').at(-1) ?? '';
    expect(JSON.parse(last)).toMatchObject({ type: 'pulled-output', bytes: 10, warnings: [] });
    expect(await readFile(join(world.folder, `${run}-output/model.bin`), 'utf8')).toBe('weights');
  });

  test('puts nothing damaged in place', async () => {
    await using scope = await commandWorld(PROJECT);
    const { world } = scope;
    await runWithOutput(world);
    for (const key of await world.keys())
      if (key.endsWith('/model.bin')) await world.store.put(key, Buffer.from('w3ights'));
    const result = await world.run(['checkpoint', 'pull', 'mine', 'here', '--output']);
    expect(result.exitCode).not.toBe(0);
    expect(result.stderr).toMatch(/1 of its files could not be brought\nhint: model\.bin is not put back: .*crc32/);
    expect(await readdir(join(world.folder, 'here'))).toEqual(['plots']);
  });

  test('is what a pull hints at where the run has kept output and no checkpoint', async () => {
    await using scope = await commandWorld(PROJECT);
    const { world } = scope;
    await runWithOutput(world);
    const hint = /has no checkpoint yet\nhint: it has kept output: `runctl checkpoint pull <run> --output` brings that/;
    for (const more of [[], ['--dry-run']]) {
      const none = await world.run(['checkpoint', 'pull', 'mine', ...more]);
      expect(none).toMatchObject({ exitCode: 10 });
      expect(none.stderr).toMatch(hint);
    }
  });

  test('says so where nothing is kept, and that it brings no checkpoint', async () => {
    await using scope = await commandWorld(PROJECT);
    const { world } = scope;
    await runWithCheckpoints(world);
    const none = await world.run(['checkpoint', 'pull', 'mine', '--output']);
    expect(none).toMatchObject({ exitCode: 10 });
    expect(none.stderr).toMatch(/has kept no output\nhint: a launch with --output-dir keeps a folder/);
    expect((await world.run(['checkpoint', 'pull', 'mine', '--output', '--step', '10'])).exitCode).toBe(2);
  });
});
