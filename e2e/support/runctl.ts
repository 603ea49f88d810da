import { execa } from 'execa';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const repository = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');
const entry = `${repository}/controller/bin/runctl.mjs`;

/** A command that waits for a run would wait for ever once the test that started it, and then its sandbox, is gone. */
const setpriv = ['/usr/bin/setpriv', '/bin/setpriv'].find((path) => process.platform === 'linux' && existsSync(path));
const endsWithParent = setpriv === undefined ? [] : [setpriv, '--pdeathsig', 'KILL'];

export interface Finished {
  readonly exitCode: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunctlOptions {
  readonly env: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly timeoutMs?: number;
  /** Another user of this machine; only root may choose. */
  readonly uid?: number;
  readonly gid?: number;
}

/** Starts the built bundle as its own process, with nothing of this process's environment but what a shell would have. */
export function startRunctl(args: readonly string[], options: RunctlOptions) {
  const [program = '', ...more] = [...endsWithParent, process.execPath, entry, ...args];
  return execa(program, more, {
    env: options.env,
    extendEnv: false,
    cwd: options.cwd ?? repository,
    timeout: options.timeoutMs ?? 180_000,
    reject: false,
    stdin: 'ignore',
    stripFinalNewline: false,
    ...(options.uid === undefined ? {} : { uid: options.uid, gid: options.gid ?? options.uid }),
  });
}

/** Runs a command to its end. */
export async function runctl(args: readonly string[], options: RunctlOptions): Promise<Finished> {
  const { exitCode, stdout, stderr } = await startRunctl(args, options);
  return { exitCode, stdout, stderr };
}
