import type { Environment } from '@runctl/core';
import { execa } from 'execa';
import { constants } from 'node:os';

/**
 * Runs a program in the foreground with this process's terminal; its exit code, or 128 + the signal that ended it. Errors:
 * execa's, where it can't be started.
 */
export async function runInForeground(
  command: string,
  args: readonly string[],
  options: { readonly cwd: string; readonly env: Environment },
): Promise<number> {
  const { cwd, env } = options;
  const result = await execa(command, args, { cwd, env, extendEnv: false, stdio: 'inherit', reject: false });
  if (result.exitCode !== undefined) return result.exitCode;
  if (result.signal !== undefined) return 128 + constants.signals[result.signal];
  throw result;
}
