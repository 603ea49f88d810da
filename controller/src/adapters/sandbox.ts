import { connectSandbox, readRegion, sandboxEnvironment, startSandbox, stopSandbox } from '@runctl/sandbox/client';
import { command, RunctlError } from '@runctl/core';
import type { SandboxRegionFile } from '@runctl/protocol';
import type { SandboxControl, SandboxRegion, SandboxStartOptions } from '@runctl/operations/sandbox';

/** Local clouds as processes of their own: `runctl sandbox serve` started with the program that runs now. */
export function createSandboxControl(options: { readonly program: readonly string[] }): SandboxControl {
  const find = async (folder: string): Promise<SandboxRegion | null> => {
    try {
      return regionOf((await connectSandbox(folder)).file, folder);
    } catch (error) {
      if (error instanceof RunctlError && error.code === 'sandbox-not-running') return null;
      throw error;
    }
  };
  const start = async (wanted: SandboxStartOptions, say: (text: string) => void): Promise<SandboxRegion> => {
    const command = [...options.program, 'sandbox', 'serve', ...serveArguments(wanted)];
    const { file } = await startSandbox({ stateFolder: wanted.folder, command, environment: wanted.environment });
    const region = regionOf(file, wanted.folder);
    say(`local cloud started: level ${region.level}, ${region.endpointUrl}`);
    return region;
  };
  return {
    find,
    start: async (wanted, say) => {
      if ((await find(wanted.folder)) !== null)
        throw new RunctlError('sandbox-running', `a local cloud already runs in ${wanted.folder}`, {
          hint: ['end it with ', command('sandbox stop'), ', or name another folder with --state'],
        });
      return start(wanted, say);
    },
    ensure: async (wanted, say) => (await find(wanted.folder)) ?? start(wanted, say),
    stop: (folder) => stopSandbox(folder),
    status: async (folder) => (await connectSandbox(folder)).send('status', {}),
    interrupt: async (folder, { target, notice, rebalance }) => {
      const sandbox = await connectSandbox(folder);
      if (rebalance && !notice) await sandbox.send('rebalance', { target });
      const answer = await sandbox.send('interrupt', { target, notice, rebalance });
      return answer.instanceIds;
    },
    serve: async (wanted, say) => {
      const { serveUntilStopped } = await import('@runctl/sandbox');
      const { folder, level, timeScale, bootDelayMs, recordFile } = wanted;
      await serveUntilStopped(
        {
          stateFolder: folder,
          ...(level === undefined ? {} : { level: level as 'auto' | 'process' | 'lite' | 'nspawn' }),
          ...(timeScale === undefined ? {} : { timeScale }),
          ...(bootDelayMs === undefined ? {} : { delays: { bootDelayMs } }),
          ...(recordFile === undefined ? {} : { recordFile }),
        },
        say,
      );
    },
    lastKnown: (folder) => {
      const file = readRegion(folder);
      return Promise.resolve(file === null ? null : regionOf(file, folder));
    },
  };
}

function serveArguments(wanted: SandboxStartOptions): string[] {
  const { folder, level, timeScale, bootDelayMs, parentPid, recordFile } = wanted;
  return [
    '--state',
    folder,
    ...(level === undefined ? [] : ['--level', level]),
    ...(timeScale === undefined ? [] : ['--time-scale', String(timeScale)]),
    ...(bootDelayMs === undefined ? [] : ['--boot-delay', String(bootDelayMs)]),
    ...(parentPid === undefined ? [] : ['--parent', String(parentPid)]),
    ...(recordFile === undefined ? [] : ['--record', recordFile]),
  ];
}

function regionOf(file: SandboxRegionFile, folder: string): SandboxRegion {
  return {
    folder,
    pid: file.pid,
    level: file.level,
    timeScale: file.timeScale,
    startedAt: file.startedAt,
    endpointUrl: file.endpoint,
    notReal: file.notReal,
    environment: sandboxEnvironment(file, folder),
  };
}
