import { mkdir, writeFile } from 'node:fs/promises';
import { platform } from 'node:process';
import { silentLog, systemClock } from '@runctl/core';
import { agentPaths } from '@runctl/protocol';
import { temporaryFolder } from '@runctl/testkit';
import { expect, test } from 'vitest';
import { linuxProcessTable, type LivingProcess, type ProcessTable } from './process-table.ts';
import { UnixSupervisor } from './unix-supervisor.ts';

/** Above the highest pid that Linux gives (proc(5), pid_max): a signal to it reaches nobody. */
const HUNG_PID = 2 ** 22 + 1;
const forever = new AbortController().signal;
const unkillable = [{ pid: HUNG_PID, command: 'python3 train.py', state: 'D' }];

/** A machine on which one process hangs in the kernel, once it is there. */
async function machine() {
  const folder = await temporaryFolder('runctl-unkillable');
  const paths = agentPaths(folder.path, 'r-aaaaaaaaaa');
  let hung: LivingProcess | null = null;
  const hungAt = (pid: number): LivingProcess | null => (pid === hung?.pid ? hung : null);
  const processes: ProcessTable = {
    ...linuxProcessTable,
    stats: () => [...(linuxProcessTable.stats() ?? []), ...(hung === null ? [] : [hung])],
    living: (pid) => hungAt(pid) ?? linuxProcessTable.living(pid),
    startTime: async (pid) => hungAt(pid)?.startTime ?? linuxProcessTable.startTime(pid),
    state: (pid) => (hungAt(pid) === null ? linuxProcessTable.state(pid) : 'D'),
  };
  const times = { leftoverMs: 100, unkillableMs: 400, pollMs: 50 };
  const surroundings = { clock: systemClock, log: silentLog, asUser: [], inScope: [] };
  return {
    folder,
    paths,
    supervisor: new UnixSupervisor({ paths, processes, ...surroundings, ...times }),
    hangs: (id: string): void => {
      const environment = `RUNCTL_WORKLOAD=${id}\0`;
      const place = { pid: HUNG_PID, parent: 1, group: HUNG_PID, session: HUNG_PID, startTime: '7' };
      hung = { ...place, command: 'python3\0train.py\0', environment };
    },
  };
}

test('a process that its script left behind and that nothing ends holds up no end', async (context) => {
  if (platform !== 'linux') context.skip('only Linux shows what a leader left behind');
  const { folder, hangs, supervisor } = await machine();
  await using _ = folder;
  const environment = { PATH: process.env['PATH'] ?? '' };
  const { id } = await supervisor.start({ command: ['true'], folder: folder.path, environment });
  hangs(id);
  expect(await supervisor.exited(forever)).toMatchObject({ code: 0, leftovers: 1, unkillable });
  expect(supervisor.survivors()).toEqual(unkillable);
});

test('a script that was killed and hangs in the kernel has ended without a known code', async (context) => {
  if (platform !== 'linux') context.skip('only Linux shows the state of a process');
  const { folder, hangs, paths, supervisor } = await machine();
  await using _ = folder;
  await mkdir(paths.state, { recursive: true });
  await writeFile(`${paths.state}/training.start`, JSON.stringify({ id: 'w' }));
  await writeFile(paths.pid, JSON.stringify({ pid: HUNG_PID, startTime: '7', wrapper: HUNG_PID + 1, id: 'w' }));
  hangs('w');
  await supervisor.adopt();
  await supervisor.signal('SIGKILL');
  expect(await supervisor.exited(forever)).toMatchObject({ code: null, signal: null, endedAtMs: null, unkillable });
});
