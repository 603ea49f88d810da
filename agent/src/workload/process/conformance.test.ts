import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { silentLog, systemClock } from '@runctl/core';
import { agentPaths } from '@runctl/protocol';
import { temporaryFolder } from '@runctl/testkit';
import { eventually } from '../../testing/eventually.ts';
import { describeSupervisor, type SupervisorUnderTest } from '../supervisor/conformance.ts';
import { linuxProcessTable, psProcessTable } from './process-table.ts';
import { UnixSupervisor } from './unix-supervisor.ts';

async function machine(): Promise<SupervisorUnderTest> {
  const folder = await temporaryFolder('runctl-supervisor');
  const paths = agentPaths(folder.path, 'r-aaaaaaaaaa');
  const supervisor = () =>
    new UnixSupervisor({
      paths,
      clock: systemClock,
      log: silentLog,
      processes: existsSync('/proc/self/stat') ? linuxProcessTable : psProcessTable,
      asUser: [],
      inScope: [],
      leftoverMs: 200,
      unkillableMs: 5000,
      pollMs: 50,
    });
  const output = () => readFile(paths.log, 'utf8').catch(() => '');
  const workload = { folder: folder.path, environment: { PATH: process.env['PATH'] ?? '' } };
  return {
    supervisor,
    command: (habit) => ({ ...workload, command: [fileURLToPath(new URL(`fixtures/${habit}.sh`, import.meta.url))] }),
    impossible: { ...workload, command: ['true'], folder: `${folder.path}/missing` },
    ready: () => eventually('the script is ready', async () => (await output()).includes('ready')),
    ended: () => eventually('the exit', () => existsSync(paths.exit)),
    sigterms: async () => (await output()).split('\n').filter((line) => line === 'SIGTERM').length,
    wallMs: () => systemClock.wallMs(),
    settle: (promise) => promise,
    [Symbol.asyncDispose]: async () => {
      const sweeper = supervisor();
      if ((await sweeper.adopt()) !== null) {
        await sweeper.signal('SIGKILL');
        await sweeper.exited(new AbortController().signal);
      }
      await folder[Symbol.asyncDispose]();
    },
  };
}

describeSupervisor('a process of this machine', machine);
