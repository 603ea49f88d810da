import { join, resolve } from 'node:path';
import { baseFolder, type Environment } from '@runctl/core';

/** Where the local cloud keeps its state: `--state`, else RUNCTL_SANDBOX_STATE, else the user's state folder. */
export function sandboxStateFolder(options: {
  readonly flag: string | undefined;
  readonly environment: Environment;
  readonly home: string;
  readonly cwd: string;
}): string {
  const { flag, environment, home, cwd } = options;
  const named = flag ?? environment['RUNCTL_SANDBOX_STATE'];
  if (named !== undefined && named !== '') return resolve(cwd, named);
  return join(baseFolder('XDG_STATE_HOME', { environment, home }), 'runctl', 'sandbox');
}
