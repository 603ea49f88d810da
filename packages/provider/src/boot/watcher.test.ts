import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
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
const LOOKS = 5;

/** The watcher of a boot script in a folder of its own, with a power button that only says that it was pressed. */
async function watched() {
  const folder = await temporaryFolder('watcher');
  const [run, bin] = [join(folder.path, 'run/runctl'), join(folder.path, 'bin')];
  for (const path of [run, bin]) mkdirSync(path, { recursive: true });
  const watch = join(folder.path, 'watch');
  writeFileSync(watch, /<<'WATCH'\n([\s\S]*?)WATCH\n/.exec(script)?.[1] ?? 'exit 1');
  writeFileSync(join(bin, 'shutdown'), `#!/bin/sh\ntouch '${folder.path}/off'\n`, { mode: 0o755 });
  const env = { PATH: `${bin}:/usr/bin:/bin`, RUNCTL_INSTANCE_ROOT: folder.path };
  return {
    shows: (agent: ChildProcess, sign: number) => writeFileSync(join(run, 'alive'), `${agent.pid} ${sign}\n`),
    look: (times = 1) => {
      for (let time = 0; time < times; time++) execFileSync('/bin/sh', [watch], { env });
    },
    isOff: () => existsSync(join(folder.path, 'off')),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

/** A process that is called as an agent is, until it is killed. */
const startAgent = () => spawn('/bin/sh', ['-c', 'while :; do sleep 0.05; done', '/opt/runctl/agent.mjs', 'run']);

/** The state of a child as the system has it now: what was killed this moment is a zombie. */
const stateOf = ({ pid }: ChildProcess) => execFileSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' });

test('an agent without a sign of life is killed at the fifth look, and the machine goes off if the next one stands still', async () => {
  await using machine = await watched();
  const [first, second] = [startAgent(), startAgent()];
  machine.shows(first, 1);
  machine.look(LOOKS);
  expect(stateOf(first)).toMatch(/^[SR]/);
  const end = once(first, 'exit');
  machine.look();
  expect(await end).toEqual([null, 'SIGKILL']);

  machine.shows(second, 1);
  machine.look(LOOKS);
  expect(machine.isOff()).toBe(false);
  machine.look();
  expect(machine.isOff()).toBe(true);
  second.kill('SIGKILL');
});

test('an agent that shows signs for long enough makes up for the one before', async () => {
  await using machine = await watched();
  const [first, second] = [startAgent(), startAgent()];
  machine.shows(first, 1);
  machine.look(LOOKS + 1);
  for (let sign = 1; sign <= 2 * LOOKS; sign++) {
    machine.shows(second, sign);
    machine.look();
  }
  const end = once(second, 'exit');
  machine.look(LOOKS);
  expect(await end).toEqual([null, 'SIGKILL']);
  expect(machine.isOff()).toBe(false);
});

test('a process that only has the number of an agent that is gone is left alone', async () => {
  await using machine = await watched();
  const other = spawn('sleep', ['60']);
  machine.shows(other, 1);
  machine.look(LOOKS + 1);
  expect(stateOf(other)).toMatch(/^[SR]/);
  other.kill('SIGKILL');
});
