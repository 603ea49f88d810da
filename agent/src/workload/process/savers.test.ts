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

const fixture = (name: string): string => fileURLToPath(new URL(`fixtures/${name}`, import.meta.url));
const forever = new AbortController().signal;

/** Words of the scripts below that stand for a program: one that saves, one that runs another. */
const WORDS = {
  SAVER: `python3 ${fixture('saves-at-its-leisure.py')}`,
  RUNNER: `python3 ${fixture('runs-another.py')}`,
};

/** Scripts whose training saves when it is told to stop, by how it is started, and how many saves that makes. */
const scripts: [name: string, script: string, saves?: number][] = [
  ['a pipe into tee', 'SAVER 2>&1 | tee -a log'],
  ['a pipe with pipefail and a second reader', 'set -o pipefail; SAVER | tee log | cat'],
  ['a pipe into a loop of the shell', 'SAVER | while read -r line; do echo "$line"; done'],
  ['tee as a process of its own', 'SAVER > >(tee log)'],
  ['all output of the shell into tee', 'exec > >(tee log) 2>&1; SAVER; echo "ended with $?"'],
  ['a named pipe', 'mkfifo pipe; cat <pipe >log & SAVER >pipe'],
  ['input from a program that does not save', 'yes | SAVER reading'],
  ['a shell in between', 'sh -c "SAVER; exit $?"'],
  ['a shell that forwards', "SAVER & child=$!; trap 'kill -TERM $child' TERM; wait; wait $child"],
  ['a shell that leaves and kills', "SAVER & child=$!; trap 'kill -KILL $child; exit 1' TERM; wait $child"],
  ['a shell that tidies up, and a pipe', "trap 'echo tidy' EXIT; SAVER | tee log"],
  ['a shell with a trap, and a pipe', "trap 'echo told' TERM; SAVER 2>&1 | tee log"],
  ['env, nohup and stdbuf', 'env A=b nohup stdbuf -oL SAVER | tee log'],
  ['timeout, which signals its whole group', 'timeout 60 bash -c "SAVER | tee log"'],
  ['time', 'time -p SAVER | tee log'],
  ['xargs', 'echo plainly | xargs SAVER'],
  ['a runner that forwards', 'RUNNER forwards SAVER | tee log'],
  ['a runner that only waits', 'RUNNER waits SAVER | tee log'],
  ['a runner that kills', 'RUNNER kills SAVER'],
  ['a runner without a handler', 'RUNNER nothing SAVER | tee log'],
  ['runners in a row', 'RUNNER nothing sh -c "RUNNER kills SAVER | tee log"'],
  ['a launcher of ranks behind a pipe', 'RUNNER ranks SAVER | tee log', 2],
  ['ranks of two launchers', 'RUNNER kills RUNNER ranks SAVER', 2],
  ['a pool by fork', 'SAVER fork | tee log'],
  ['a pool by spawn', 'SAVER spawn'],
  ['a pool by forkserver', 'SAVER forkserver'],
  ['loaders with a handler of their own', 'SAVER beside-loaders'],
  ['a logger with a handler of its own', 'SAVER beside-a-logger'],
  ['an archive under way', 'SAVER archiving'],
  ['a thread that waits for the signal', 'SAVER waiting-for-the-signal | tee log'],
];

describe.runIf(platform === 'linux')('SIGTERM lets those save who can, behind', () => {
  test.concurrent.each(scripts)('%s', { timeout: 60_000 }, async (_name, script, saves) => {
    await using folder = await temporaryFolder('runctl-savers');
    const paths = agentPaths(folder.path, 'r-aaaaaaaaaa');
    const checkpoints = `${folder.path}/checkpoints`;
    await mkdir(checkpoints);
    const text = Object.entries(WORDS).reduce((all, [word, command]) => all.replaceAll(word, command), script);
    await writeFile(`${folder.path}/run.sh`, text);
    const supervisor = new UnixSupervisor({
      paths,
      clock: systemClock,
      log: silentLog,
      processes: linuxProcessTable,
      asUser: [],
      inScope: [],
      leftoverMs: 2000,
      unkillableMs: 5000,
      pollMs: 100,
    });
    await supervisor.start({
      command: ['bash', `${folder.path}/run.sh`],
      folder: folder.path,
      environment: { PATH: process.env['PATH'] ?? '', RUNCTL_CHECKPOINT_DIR: checkpoints, PYTHONUNBUFFERED: '1' },
    });
    const output = async () =>
      (await Promise.all([paths.log, `${folder.path}/log`].map((path) => readFile(path, 'utf8').catch(() => '')))).join(
        '',
      );
    try {
      const ranks = Array.from({ length: saves ?? 1 }, (_, rank) => rank);
      await eventually('the script is up', async () => {
        const shown = await output();
        return ranks.every((rank) => shown.includes(`up ${rank}`));
      });
      const end = supervisor.exited(forever);
      await systemClock.sleep(150);
      await supervisor.signal('SIGTERM');
      const limit = systemClock.sleep(10_000).then(() => 'still there');
      expect(await Promise.race([end, limit])).toMatchObject({});
      const kept = ranks.filter((rank) => existsSync(`${checkpoints}/saved-${rank}`));
      expect(kept, await output()).toEqual(ranks);
    } finally {
      await supervisor.signal('SIGKILL');
    }
  });
});
