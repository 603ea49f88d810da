import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { platform } from 'node:process';
import { fileURLToPath } from 'node:url';
import { silentLog, systemClock } from '@runctl/core';
import { agentPaths } from '@runctl/protocol';
import { temporaryFolder } from '@runctl/testkit';
import { describe, expect, test } from 'vitest';
import { linuxControlGroups, noControlGroups } from './control-group.ts';
import { linuxProcessTable, psProcessTable } from './process-table.ts';
import { keepStopRecord } from './stop-record.ts';
import { UnixSupervisor } from './unix-supervisor.ts';

const onLinux = platform === 'linux';
const fixture = (name: string): string => fileURLToPath(new URL(`fixtures/${name}`, import.meta.url));
const forever = new AbortController().signal;

/** A machine's folder; further supervisors on it are what a restarted agent has. */
async function machine() {
  const folder = await temporaryFolder('runctl-supervisor');
  const paths = agentPaths(folder.path, 'r-aaaaaaaaaa');
  const supervisor = (leftoverMs = 200, controlGroups = noControlGroups) =>
    new UnixSupervisor({
      controlGroups,
      paths,
      clock: systemClock,
      log: silentLog,
      processes: onLinux ? linuxProcessTable : psProcessTable,
      asUser: [],
      inScope: [],
      leftoverMs,
      unkillableMs: 5000,
      pollMs: 50,
    });
  const command = (...words: string[]) => ({
    command: words,
    folder: folder.path,
    environment: { PATH: process.env['PATH'] ?? '', GREETING: 'hello' },
  });
  const output = () => readFile(paths.log, 'utf8').catch(() => '');
  const shows = (text: string) => eventually(async () => (await output()).includes(text));
  return {
    folder,
    paths,
    supervisor,
    command,
    output,
    shows,
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

async function eventually(condition: () => Promise<boolean> | boolean, withinMs = 10_000): Promise<void> {
  const untilMs = Date.now() + withinMs;
  while (!(await condition())) {
    if (Date.now() > untilMs) throw new Error('did not happen in time');
    await systemClock.sleep(10);
  }
}

const nobody = { canSave: true, couldSave: true, second: [], above: [], told: [], note: '' };
const living = () => (linuxProcessTable.stats() ?? []).flatMap(({ pid }) => linuxProcessTable.living(pid) ?? []);
const isAlive = async (pid: number): Promise<boolean> =>
  (await (onLinux ? linuxProcessTable : psProcessTable).startTime(pid)) !== null;

describe('a workload', () => {
  test('runs in its folder with its environment, and its exit code and output become known', async () => {
    const { folder, supervisor, command, output } = await machine();
    await using _ = folder;
    const one = supervisor();
    await one.start(command('/bin/sh', '-c', 'echo $GREETING; pwd; echo oops >&2; exit 7'));
    expect(await one.exited(forever)).toMatchObject({ code: 7, signal: null, leftovers: 0 });
    expect(await output()).toBe(`hello\n${folder.path}\noops\n`);
  });

  test('ended when it ended, however late an agent learns of it', async () => {
    const { folder, supervisor, command, paths } = await machine();
    await using _ = folder;
    await supervisor().start(command(fixture('exits-7.sh')));
    await eventually(() => existsSync(paths.exit));
    const longAgo = new Date('2024-05-01T12:00:00Z');
    await utimes(paths.exit, longAgo, longAgo);
    const later = supervisor();
    await later.adopt();
    expect(await later.exited(forever)).toMatchObject({ code: 7, endedAtMs: longAgo.getTime() });
  });

  test('whose end left no word and was seen by nobody has no known time of its end', async () => {
    const { folder, supervisor, command, paths } = await machine();
    await using _ = folder;
    await supervisor().start(command(fixture('exits-7.sh')));
    await eventually(() => existsSync(paths.exit));
    await rm(paths.exit);
    const later = supervisor();
    await later.adopt();
    expect(await later.exited(forever)).toMatchObject({ code: null, signal: null, endedAtMs: null });
  });

  test('that does not exist ends with the code a shell gives', async () => {
    const { folder, supervisor, command, output } = await machine();
    await using _ = folder;
    const one = supervisor();
    await one.start(command('/no/such/interpreter', 'train.py'));
    expect(await one.exited(forever)).toMatchObject({ code: 127 });
    expect(await output()).toContain('/no/such/interpreter');
  });

  test('in a folder that does not exist is a failed start that leaves nothing to adopt', async () => {
    const { folder, supervisor, command } = await machine();
    await using _ = folder;
    const one = supervisor();
    await expect(one.start({ ...command('true'), folder: `${folder.path}/missing` })).rejects.toThrow();
    expect(await supervisor().adopt()).toBeNull();
  });

  test('saves at its leisure after SIGTERM, and its own exit 143 is told from death by the signal', async (context) => {
    if (!onLinux) context.skip('only Linux tells whether a process handles a signal');
    const { folder, supervisor, command, shows } = await machine();
    await using _ = folder;
    const one = supervisor();
    await one.start(command(fixture('slow-saver.sh'), `${folder.path}/saved`));
    await shows('ready');
    await one.signal('SIGTERM');
    await one.signal('SIGTERM');
    expect(await one.exited(forever)).toMatchObject({ code: 143, signal: null });
    expect(await readFile(`${folder.path}/saved`, 'utf8')).toBe('saved\n');
    await one.start(command(fixture('dies-by-sigterm.sh')));
    await eventually(() => living().some((each) => each.command.replaceAll('\0', ' ') === 'sleep 60 '));
    await one.signal('SIGTERM');
    expect(await one.exited(forever)).toMatchObject({ code: null, signal: 'SIGTERM' });
  });

  test('that ignores SIGTERM is killed, and its wrapper lives to tell', async () => {
    const { folder, supervisor, command, shows } = await machine();
    await using _ = folder;
    const one = supervisor();
    await one.start(command(fixture('ignores-sigterm.sh')));
    await shows('ready');
    await one.signal('SIGTERM');
    await one.signal('SIGKILL');
    expect(await one.exited(forever)).toMatchObject({ code: null, signal: 'SIGKILL' });
  });

  test('blocks nothing through a grandchild that keeps its output open and ignores SIGTERM', async (context) => {
    if (!onLinux) context.skip('only Linux finds processes in sessions of their own');
    const { folder, supervisor, command } = await machine();
    await using _ = folder;
    const one = supervisor();
    await one.start(command(process.execPath, fixture('leaves-a-grandchild-holding-pipes.mjs'), `${folder.path}/pid`));
    expect(await one.exited(forever)).toMatchObject({ code: 0 });
    expect(await isAlive(Number(await readFile(`${folder.path}/pid`, 'utf8')))).toBe(false);
  });

  test.each([
    ['under a shell', 'python3 "$0"; true'],
    ['before a pipe', 'python3 "$0" | tee log'],
    ['under a shell that ignores SIGTERM too', 'trap \'\' TERM; python3 "$0" | tee log'],
  ])('that watches a file, and ignores SIGTERM, saves at its leisure: %s', async (_where, script) => {
    if (!onLinux) return;
    await using world = await machine();
    const { folder } = world;
    const one = world.supervisor();
    await one.start(world.command('/bin/bash', '-c', script, fixture('watches-a-file.py')));
    const end = one.exited(forever);
    await world.shows('ready');
    expect(one.traits()).toMatchObject({ catchesTerm: null, ignoresTerm: true });
    await one.signal('SIGTERM');
    await writeFile(`${folder.path}/preempt`, '');
    await world.shows('saving');
    await writeFile(`${folder.path}/enough`, '');
    await end;
    expect(existsSync(`${folder.path}/saved`)).toBe(true);
  });

  test('on a disk that is full when it ends leaves its exit code all the same', async (context) => {
    if (!onLinux || process.getuid?.() !== 0) context.skip('a small disk needs root on Linux');
    const { folder, supervisor, command, paths } = await machine();
    await using _ = folder;
    await mkdir(paths.state, { recursive: true });
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', paths.state]);
    if (mounted.status !== 0) context.skip('a small disk needs the right to mount');
    try {
      const one = supervisor();
      const fill = 'cat /dev/zero >"$1/filler" 2>/dev/null; exit 7';
      await one.start(command('/bin/sh', '-c', fill, 'fills', paths.state));
      expect(await one.exited(forever)).toMatchObject({ code: 7, signal: null });
    } finally {
      spawnSync('umount', ['--lazy', paths.state]);
    }
  });

  test('under a launcher: its ranks are told first and save, the launcher hears of it afterwards', async (context) => {
    if (!onLinux) context.skip('only Linux shows the environment of processes');
    const { folder, supervisor, command, shows } = await machine();
    await using _ = folder;
    const one = supervisor();
    await one.start(command(process.execPath, fixture('launcher-with-ranks.mjs'), folder.path));
    await shows('up 0');
    await shows('up 1');
    await one.signal('SIGTERM');
    expect(await one.exited(forever)).toMatchObject({ code: 1 });
    const notes = (await readFile(`${folder.path}/notes`, 'utf8')).trim().split('\n');
    expect(notes.slice(0, 2).sort()).toEqual(['saved 0', 'saved 1']);
    expect(notes[2]).toBe('launcher told');
  });

  test('with a forked pool keeps its workers while it saves', async (context) => {
    if (!onLinux) context.skip('only Linux shows the commands of processes');
    const { folder, supervisor, command, shows, output } = await machine();
    await using _ = folder;
    const one = supervisor();
    await one.start(command('python3', fixture('forks-a-pool.py')));
    await shows('ready');
    await one.signal('SIGTERM');
    expect(await one.exited(forever)).toMatchObject({ code: 0, leftovers: 1 });
    expect(await output()).toContain('saved with the worker alive');
  });
});

describe('what outlives the script', () => {
  const groupsWork = (): boolean => {
    const groups = linuxControlGroups();
    const folder = groups.make(`runctl-test-${process.pid}`);
    if (folder !== null) groups.remove(folder);
    return folder !== null;
  };

  test.for<[name: string, how: string, needsGroups: boolean]>([
    ['bears the mark in a session of its own', 'marked', false],
    ['was seen as a child before it hid', 'clean-later', false],
    ['hid at once, where there are control groups', 'clean', true],
  ])('is named and ended without holding up the stop, when it %s', async ([, how, needsGroups], context) => {
    if (!onLinux) context.skip('only Linux finds processes in sessions of their own');
    if (needsGroups && !groupsWork()) context.skip('this machine allows no control groups');
    await using world = await machine();
    const { command, folder, shows } = world;
    const made: string[] = [];
    const groups = needsGroups ? linuxControlGroups() : noControlGroups;
    const make = (name: string): string | null => {
      const group = groups.make(name);
      if (group !== null) made.push(group);
      return group;
    };
    const one = world.supervisor(700, { ...groups, make });
    const path = `${folder.path}/daemon`;
    await one.start(command('python3', fixture('leaves-a-daemon.py'), path, how));
    const end = one.exited(forever);
    await shows('ready');
    const pid = Number(await readFile(path, 'utf8'));
    expect(one.traits()).toMatchObject({
      containment: needsGroups ? 'control-group' : 'best-effort',
      catchesTerm: true,
      reason: expect.stringContaining('catches SIGTERM') as string,
    });
    await one.signal('SIGTERM');
    const { outlived, ...exit } = await end;
    expect(exit).toMatchObject({ code: 143, leftovers: 1 });
    expect(outlived).toEqual([{ pid, command: expect.stringContaining('time.sleep') as string }]);
    expect(await isAlive(pid)).toBe(false);
    expect(made.filter((group) => existsSync(group))).toEqual([]);
    expect(made).toHaveLength(needsGroups ? 1 : 0);
  });

  test('is known to have gone on after a saver, however soon it ends', async (context) => {
    if (!onLinux) context.skip('only Linux tells whether a process handles a signal');
    for (let time = 0; time < 4; time += 1) {
      await using world = await machine();
      const one = world.supervisor(200);
      await one.start(
        world.command('/bin/sh', '-c', `${fixture('saves-on-sigterm.sh')}; touch '${world.folder.path}/done'`),
      );
      await world.shows('ready');
      await one.signal('SIGTERM');
      expect(await one.exited(forever)).toMatchObject({ othersWentOn: true });
    }
  });

  test('does not hold up the stop of a script that does not catch SIGTERM', async (context) => {
    if (!onLinux) context.skip('only Linux tells whether a process handles a signal');
    await using world = await machine();
    const one = world.supervisor(700);
    const path = `${world.folder.path}/daemon`;
    await one.start(world.command('python3', fixture('leaves-a-daemon.py'), path, 'marked', 'careless'));
    await world.shows('ready');
    await one.signal('SIGTERM');
    const limit = systemClock.sleep(8000).then(() => 'still there');
    expect(await Promise.race([one.exited(forever), limit])).toMatchObject({ signal: 'SIGTERM', leftovers: 1 });
  });

  test('is not named when it leaves by itself', async () => {
    const { folder, supervisor, command } = await machine();
    await using _ = folder;
    const one = supervisor(5000);
    await one.start(command('/bin/sh', '-c', 'sleep 0.1 & exit 3'));
    expect(await one.exited(forever)).toMatchObject({ code: 3, outlived: [] });
  });

  test('has nothing to do with other processes of the group that the agent is in', async (context) => {
    if (!onLinux || !groupsWork()) context.skip('this machine allows no control groups, or is not Linux');
    const { folder, supervisor, command } = await machine();
    await using _ = folder;
    const stranger = spawn('sleep', ['60'], { detached: true, stdio: 'ignore' });
    try {
      const one = supervisor(200, linuxControlGroups());
      await one.start(command(fixture('exits-7.sh')));
      expect(await one.exited(forever)).toMatchObject({ code: 7, leftovers: 0 });
      await one.signal('SIGKILL');
      expect(await isAlive(stranger.pid ?? 0)).toBe(true);
    } finally {
      stranger.kill('SIGKILL');
    }
  });
});

describe('after a restart of the agent', () => {
  test('a running workload is adopted, told to stop, and its exit is known', async () => {
    const { folder, supervisor, command, shows } = await machine();
    await using _ = folder;
    const started = await supervisor().start(command(fixture('slow-saver.sh'), `${folder.path}/saved`));
    await shows('ready');
    const second = supervisor();
    expect(await second.adopt()).toEqual({
      ...started,
      stopNote: null,
      startedAtMs: expect.closeTo(Date.now(), -5) as number,
    });
    await second.signal('SIGTERM');
    expect(await second.exited(forever)).toMatchObject({ leftovers: 0 });
    expect(await readFile(`${folder.path}/saved`, 'utf8')).toBe('saved\n');
  });

  test('one that was told to stop and left before the next agent told it again left by itself all the same', async (context) => {
    if (!onLinux) context.skip('only Linux tells whether a process handles a signal');
    const { folder, supervisor, command, paths, shows } = await machine();
    await using _ = folder;
    const first = supervisor();
    await first.start(command(fixture('slow-saver.sh'), `${folder.path}/saved`));
    await shows('ready');
    await first.signal('SIGTERM');
    await eventually(() => existsSync(paths.exit));
    const second = supervisor();
    await second.adopt();
    await second.signal('SIGTERM');
    expect(await second.exited(forever)).toMatchObject({ code: 143, signal: null });
  });

  test('the telling that its predecessor had only announced is done, and the note is handed on', async (context) => {
    if (!onLinux) context.skip('only Linux tells whether a process handles a signal');
    const { folder, supervisor, command, paths, shows } = await machine();
    await using _ = folder;
    const { id } = await supervisor().start(command(fixture('slow-saver.sh'), `${folder.path}/saved`));
    await shows('ready');
    keepStopRecord(`${paths.state}/training.stop`, {
      id,
      caught: true,
      first: [],
      canSave: true,
      couldSave: true,
      second: [],
      above: [],
      told: [],
      note: 'because',
    });
    const second = supervisor();
    expect(await second.adopt()).toMatchObject({ stopNote: 'because' });
    expect(await second.exited(forever)).toMatchObject({ code: 143 });
    expect(await readFile(`${folder.path}/saved`, 'utf8')).toBe('saved\n');
  });

  test('a launcher hears of the stop once its ranks are gone, though the agent that told them is gone too', async (context) => {
    if (!onLinux) context.skip('only Linux shows the environment of processes');
    const { folder, supervisor, command, paths, shows } = await machine();
    await using _ = folder;
    const { id } = await supervisor().start(command(process.execPath, fixture('launcher-with-ranks.mjs'), folder.path));
    await shows('up 0');
    await shows('up 1');
    const ranks = living()
      .filter((each) => each.environment.includes(`RUNCTL_WORKLOAD=${id}`) && each.environment.includes('LOCAL_RANK='))
      // Not the sleeps that they start again and again.
      .filter((each) => each.command.startsWith('/bin/sh'));
    const above = living().filter(({ pid }) => ranks.some(({ parent }) => parent === pid));
    for (const { pid } of ranks) process.kill(pid, 'SIGTERM');
    keepStopRecord(`${paths.state}/training.stop`, { ...nobody, id, caught: true, first: ranks, above });
    const second = supervisor();
    await second.adopt();
    expect(await second.exited(forever)).toMatchObject({ code: 1 });
    const notes = (await readFile(`${folder.path}/notes`, 'utf8')).trim().split('\n');
    expect(notes.toSorted()).toEqual(['launcher told', 'saved 0', 'saved 1']);
    expect(notes[2]).toBe('launcher told');
  });

  test('one that ended meanwhile is adopted with its exit code', async () => {
    const { folder, supervisor, command, paths } = await machine();
    await using _ = folder;
    await supervisor().start(command(fixture('exits-7.sh')));
    await eventually(() =>
      readFile(paths.exit).then(
        () => true,
        () => false,
      ),
    );
    const second = supervisor();
    expect(await second.adopt()).not.toBeNull();
    expect(await second.exited(forever)).toMatchObject({ code: 7 });
  });

  test('one whose wrapper was killed with it ends without a code instead of never', async () => {
    const { folder, supervisor, command, shows, paths } = await machine();
    await using _ = folder;
    const one = supervisor();
    const { pid } = await one.start(command(fixture('ignores-sigterm.sh')));
    await shows('ready');
    const { wrapper } = JSON.parse(await readFile(paths.pid, 'utf8')) as { wrapper: number };
    process.kill(wrapper, 'SIGKILL');
    process.kill(pid, 'SIGKILL');
    expect(await supervisor().adopt()).not.toBeNull();
    expect(await one.exited(forever)).toMatchObject({ code: null, signal: null });
  });

  test('a pid that another process has by now is not taken for the workload', async () => {
    const { folder, supervisor, command, shows, paths } = await machine();
    await using _ = folder;
    const one = supervisor();
    await one.start(command(fixture('ignores-sigterm.sh')));
    await shows('ready');
    await one.signal('SIGKILL');
    await eventually(() =>
      readFile(paths.exit).then(
        () => true,
        () => false,
      ),
    );
    const mark = JSON.parse(await readFile(paths.pid, 'utf8')) as object;
    await rm(paths.exit);
    await writeFile(paths.pid, JSON.stringify({ ...mark, pid: process.pid, startTime: 'another' }));
    const second = supervisor();
    await second.adopt();
    expect(await second.exited(forever)).toMatchObject({ code: null, signal: null });
  });

  test('after a reboot nobody is taken for the workload, though its pid is in use again', async (context) => {
    if (!onLinux) context.skip('only Linux tells one boot from another');
    const { folder, supervisor, command, paths } = await machine();
    await using _ = folder;
    const { id } = await supervisor().start(command(fixture('exits-7.sh')));
    await eventually(() => existsSync(paths.exit));
    const stranger = spawn('sleep', ['60'], { detached: true, stdio: 'ignore' });
    try {
      const mark = JSON.parse(await readFile(paths.pid, 'utf8')) as object;
      await writeFile(paths.pid, JSON.stringify({ ...mark, pid: stranger.pid }));
      await writeFile(`${paths.state}/training.start`, JSON.stringify({ id, boot: 'another' }));
      const second = supervisor();
      await second.adopt();
      expect(await second.exited(forever)).toMatchObject({ code: 7, leftovers: 0 });
      expect(await isAlive(stranger.pid ?? 0)).toBe(true);
    } finally {
      stranger.kill('SIGKILL');
    }
  });

  test('when it ended is not known where the clock was set while it ran, by an agent that came later as well', async (context) => {
    if (!onLinux) context.skip('only Linux shows a clock that nobody can set');
    const { folder, supervisor, command, paths } = await machine();
    await using _ = folder;
    const first = supervisor();
    await first.start(command(fixture('exits-7.sh')));
    expect(await first.exited(forever)).toMatchObject({ code: 7, clockWasSet: false, endedAtMs: expect.any(Number) });
    // As if it had been started an hour ago by the clock on the wall, and a moment ago by the other.
    const path = `${paths.state}/training.start`;
    const begun = JSON.parse(await readFile(path, 'utf8')) as { clocks: { wallMs: number } };
    const clocks = { ...begun.clocks, wallMs: begun.clocks.wallMs - 3_600_000 };
    await writeFile(path, JSON.stringify({ ...begun, clocks }));
    const second = supervisor();
    await second.adopt();
    expect(await second.exited(forever)).toMatchObject({ code: 7, clockWasSet: true, endedAtMs: null });
  });

  test('a start that was cut short before it left a pid is swept', async (context) => {
    if (!onLinux) context.skip('only Linux shows the environment of processes');
    const { folder, supervisor, command, shows, paths } = await machine();
    await using _ = folder;
    const { pid } = await supervisor().start(command(fixture('ignores-sigterm.sh')));
    await shows('ready');
    await rm(paths.pid);
    expect(await supervisor().adopt()).toBeNull();
    expect(await isAlive(pid)).toBe(false);
  });

  test('the workload does not notice that an agent was killed', async () => {
    const { folder, supervisor, paths, shows } = await machine();
    await using _ = folder;
    const agent = spawn(
      process.execPath,
      [fixture('agent-that-starts-one.mjs'), paths.state, fixture('slow-saver.sh')],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    await once(agent.stdout, 'data');
    agent.kill('SIGKILL');
    await once(agent, 'exit');
    await shows('ready');
    const second = supervisor();
    const adopted = await second.adopt();
    expect(await isAlive(adopted!.pid)).toBe(true);
    await second.signal('SIGKILL');
    expect(await second.exited(forever)).toMatchObject({ signal: 'SIGKILL' });
  });
});
