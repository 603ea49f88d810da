import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { platform } from 'node:process';
import { fileURLToPath } from 'node:url';
import { silentLog, systemClock } from '@runctl/core';
import { agentPaths } from '@runctl/protocol';
import { temporaryFolder } from '@runctl/testkit';
import { describe, expect, test } from 'vitest';
import { eventually } from '../../testing/eventually.ts';
import { linuxProcessTable } from './process-table.ts';
import { UnixSupervisor } from './unix-supervisor.ts';

const SAVER = `python3 ${fileURLToPath(new URL('fixtures/saves-when-let.py', import.meta.url))}`;
const forever = new AbortController().signal;

/** A machine on which `script` runs under bash; further supervisors are what a restarted agent has. */
async function machine(script: string, names: readonly string[]) {
  const folder = await temporaryFolder('runctl-second');
  const paths = agentPaths(folder.path, 'r-aaaaaaaaaa');
  const checkpoints = `${folder.path}/checkpoints`;
  await mkdir(checkpoints);
  await writeFile(`${folder.path}/run.sh`, script);
  const supervisor = () =>
    new UnixSupervisor({
      paths,
      clock: systemClock,
      log: silentLog,
      processes: linuxProcessTable,
      asUser: [],
      inScope: [],
      leftoverMs: 200,
      unkillableMs: 5000,
      pollMs: 50,
    });
  const first = supervisor();
  await first.start({
    command: ['bash', `${folder.path}/run.sh`],
    folder: folder.path,
    environment: { PATH: process.env['PATH'] ?? '', RUNCTL_CHECKPOINT_DIR: checkpoints, PYTHONUNBUFFERED: '1' },
  });
  const output = () => readFile(paths.log, 'utf8').catch(() => '');
  const shows = (text: string) => eventually(text, async () => (await output()).includes(`${text}\n`));
  for (const name of names) await shows(`up ${name}`);
  return {
    first,
    supervisor,
    output,
    shows,
    pidOf: async (name: string) => Number(await readFile(`${folder.path}/${name}.pid`, 'utf8')),
    letGo: (name: string) => writeFile(`${folder.path}/${name}.enough`, ''),
    hasSaved: (name: string) => existsSync(`${checkpoints}/saved-${name}`),
    [Symbol.asyncDispose]: async () => {
      await first.signal('SIGKILL');
      await folder[Symbol.asyncDispose]();
    },
  };
}

const TWO = `${SAVER} one writes & ${SAVER} two & wait; wait`;

describe.runIf(platform === 'linux')('a second process that may save', () => {
  test.concurrent('is told when the first has ended, and is waited for', async () => {
    await using one = await machine(TWO, ['one', 'two']);
    const end = one.first.exited(forever);
    await one.first.signal('SIGTERM');
    await one.shows('told one');
    expect(one.first.stopping()).toMatchObject({ othersWait: true, toldAtMs: null });
    expect(await one.output()).not.toContain('told two');
    await one.letGo('one');
    await one.shows('told two');
    expect(one.first.stopping().toldAtMs).not.toBeNull();
    expect(one.first.stopping().othersWait).toBe(false);
    await one.letGo('two');
    await end;
    expect([one.hasSaved('one'), one.hasSaved('two')]).toEqual([true, true]);
  });

  test.concurrent('could save, though it gives its handler up when it is told, and whoever asks', async () => {
    await using one = await machine(`${SAVER} one writes once & wait; wait`, ['one']);
    expect(one.first.stopping().couldSave).toBeNull();
    const end = one.first.exited(forever);
    await one.first.signal('SIGTERM');
    await one.shows('told one');
    expect(one.first.traits()).toMatchObject({ catchesTerm: false });
    expect(one.first.stopping().couldSave).toBe(true);
    const next = one.supervisor();
    await next.adopt();
    expect(next.stopping().couldSave).toBe(true);
    await one.letGo('one');
    await end;
  });

  test.concurrent('is told while the first saves, where its time has come', async () => {
    await using one = await machine(TWO, ['one', 'two']);
    await one.first.signal('SIGTERM', '', 0);
    await one.shows('told two');
    expect(one.hasSaved('one')).toBe(false);
  });

  test.concurrent('is told then by a later call as well, and nobody hears it twice', async () => {
    await using one = await machine(TWO, ['one', 'two']);
    const end = one.first.exited(forever);
    await one.first.signal('SIGTERM');
    await one.shows('told one');
    await one.first.signal('SIGTERM', '', 0);
    await one.shows('told two');
    await one.letGo('one');
    await one.letGo('two');
    await end;
    expect(await one.output()).toContain('one heard 1\n');
    expect(await one.output()).toContain('two heard 1\n');
  });

  test.concurrent('hears it once, though the agent that told it is gone', async () => {
    await using one = await machine(TWO, ['one', 'two']);
    await one.first.signal('SIGTERM', '', 0);
    await one.shows('told two');
    const next = one.supervisor();
    await next.adopt();
    await next.signal('SIGTERM', '', 0);
    await one.letGo('one');
    await one.shows('one heard 1');
    await one.letGo('two');
    await next.exited(forever);
    expect(await one.output()).toContain('two heard 1\n');
  });
});

const IGNORING = (name: string, deed: string) =>
  `sh -c 'trap "" TERM; echo $$ >${name}.pid; ${deed}; echo "up ${name}"; while :; do sleep 0.05; done' &`;

test.runIf(platform === 'linux')(
  'whoever can not be saving is killed once the savers have ended, and nobody else',
  async () => {
    const script = [
      `${SAVER} one writes & echo $! >one.pid`,
      `${SAVER} two & echo $! >two.pid`,
      IGNORING('helpless', ':'),
      IGNORING('writer', 'exec 3>"$RUNCTL_CHECKPOINT_DIR/archive"'),
      'wait; wait; wait; wait',
    ].join('\n');
    await using one = await machine(script, ['one', 'two', 'helpless', 'writer']);
    one.first.exited(forever).catch(() => {});
    const lives = async (name: string) => (await linuxProcessTable.startTime(await one.pidOf(name))) !== null;
    await one.first.signal('SIGTERM');
    await one.letGo('one');
    await one.shows('told two');
    expect(await lives('helpless')).toBe(true);
    await one.letGo('two');
    await eventually('the helpless one is gone', async () => !(await lives('helpless')));
    expect(await lives('writer')).toBe(true);
  },
);
