import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '@runctl/testkit';
import { expect, test } from 'vitest';
import { renderBootScript } from './boot-script.ts';

const script = renderBootScript(
  {
    config: {
      version: 2,
      run: 'r-abcdefghij',
      launch: 1,
      bucket: 'bucket',
      prefix: '',
      region: 'us-east-1',
      written: { specSha256: 'c'.repeat(64), intentSha256: null },
    },
    tools: { agentKey: 'a', agentSha256: 'a'.repeat(64), nodeKey: 'n', nodeSha256: 'b'.repeat(64) },
    bootGuardMs: 900_000,
    refusedMs: 300_000,
    standstillMs: 900_000,
  },
  { host: 'ec2', fetcher: '' },
);

/**
 * A machine on which the script runs, with these answers of `boot.py fetch`. What it does with its power and its reports is
 * written down, and the guard's sleep ends when the test says so.
 */
async function booting(fetch: string) {
  const folder = await temporaryFolder('boot');
  const [bin, done, over] = [join(folder.path, 'bin'), join(folder.path, 'done'), join(folder.path, 'over')];
  mkdirSync(bin);
  const program = (name: string, body: string) =>
    writeFileSync(join(bin, name), `#!/bin/sh\n${body}\n`, { mode: 0o755 });
  program('shutdown', `echo "shutdown $1 $2" >>'${done}'`);
  program('python3', `if [ "$2" = fetch ]; then ${fetch}; else echo "report $3: $4, $5" >>'${done}'; fi`);
  program('sleep', `[ "$1" = 885 ] || exec /bin/sleep 600; until [ -e '${over}' ]; do /bin/sleep 0.05; done`);
  const env = { PATH: `${bin}:/usr/bin:/bin`, RUNCTL_INSTANCE_ROOT: folder.path };
  const boot = spawn('/bin/sh', ['-c', script], { env, detached: true, stdio: 'ignore' });
  const ended = once(boot, 'exit');
  /** Shells of the script that are left: its own, and the guard's. */
  const shells = () => {
    const { stdout } = spawnSync('ps', ['-s', String(boot.pid), '-o', 'args='], { encoding: 'utf8' });
    return stdout.split('\n').filter((args) => args.startsWith('/bin/sh -c #!')).length;
  };
  return {
    ended,
    shells,
    show: () => writeFileSync(join(folder.path, 'run/runctl/alive'), '1 1\n'),
    timePasses: () => writeFileSync(over, ''),
    done: () => (existsSync(done) ? readFileSync(done, 'utf8').trim().split('\n') : []),
    [Symbol.asyncDispose]: async () => {
      spawnSync('pkill', ['-9', '-s', String(boot.pid)]);
      await folder[Symbol.asyncDispose]();
    },
  };
}

const HANGS = 'exec /bin/sleep 600';
const WORKS = String.raw`printf '#!/bin/sh\n' >"$5"; chmod 755 "$5"`;
const waiting = { timeout: 20_000 };

test('a boot that hangs is reported, and the planned power-off put off for the report', async () => {
  await using machine = await booting(HANGS);
  machine.timePasses();
  await expect.poll(() => machine.done(), waiting).toContain('shutdown -h now');
  expect(machine.done()).toEqual([
    'shutdown -h +15',
    'shutdown -h +45',
    'report hanging: no agent after 885 s, 1',
    'shutdown -h now',
  ]);
});

test('a machine whose agent has shown life is left alone', async () => {
  await using machine = await booting(WORKS);
  await machine.ended;
  expect(machine.shells()).toBe(1);
  machine.show();
  machine.timePasses();
  await expect.poll(() => machine.shells(), waiting).toBe(0);
  expect(machine.done()).toEqual(['shutdown -h +15']);
});

test('an agent that was started and never shows life is reported', async () => {
  await using machine = await booting(WORKS);
  await machine.ended;
  machine.timePasses();
  await expect.poll(() => machine.shells(), waiting).toBe(0);
  expect(machine.done().slice(2)).toEqual(['report hanging: no agent after 885 s, 1', 'shutdown -h now']);
});

test('a boot that fails by itself is reported once, by its stage', async () => {
  await using machine = await booting(`[ "$3" = n ] && { echo refused >&2; exit 3; }; ${WORKS}`);
  await machine.ended;
  machine.timePasses();
  await expect.poll(() => machine.shells(), waiting).toBe(0);
  expect(machine.done()).toEqual([
    'shutdown -h +15',
    'shutdown -h +45',
    'report fetching the Node runtime: refused, 3',
    'shutdown -h now',
  ]);
});
