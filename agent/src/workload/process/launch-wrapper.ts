import { spawn } from 'node:child_process';
import { open } from 'node:fs/promises';
import type { WorkloadCommand } from '../supervisor/supervisor.ts';
import type { UnixSupervisorOptions } from './unix-supervisor-options.ts';
import type { StartNote } from './state-files.ts';
import { wrapperScript } from './wrapper.ts';

/**
 * Starts a command below a wrapper, and calls back when the wrapper ends while this process lives. Rejects when nothing was
 * started.
 *
 * By Node's own spawn: the child is to outlive the agent, in a session of its own and with a file for its output. A library
 * for child processes would add what must not happen here (it ends children with their parent, pipes and buffers their
 * output), and would stay in the agent's memory for one start a life.
 */
export async function launchWrapper(
  command: WorkloadCommand,
  { id, controlGroup }: Pick<StartNote, 'id' | 'controlGroup'>,
  options: Pick<UnixSupervisorOptions, 'paths' | 'inScope' | 'asUser'> & { readonly onEnd: () => void },
): Promise<void> {
  const { paths, inScope, asUser, onEnd } = options;
  const own = ['/bin/sh', '-c', wrapperScript, 'runctl-workload', paths.state, id, controlGroup ?? ''];
  const [file = '/bin/sh', ...rest] = [...inScope, ...own, ...asUser, ...command.command];
  const output = await open(paths.log, 'a', 0o644);
  try {
    const child = spawn(file, rest, {
      cwd: command.folder,
      env: command.environment,
      detached: true,
      stdio: ['ignore', output.fd, output.fd],
    });
    child.on('exit', onEnd);
    child.unref();
    await new Promise<void>((resolve, reject) => child.once('spawn', resolve).once('error', reject));
  } finally {
    await output.close();
  }
}
