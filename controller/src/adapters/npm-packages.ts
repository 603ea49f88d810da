import type { Environment } from '@runctl/core';
import { execa } from 'execa';
import { join } from 'node:path';
import type { FetchPackage } from './node-runtime.ts';

/** A runtime has some 45 MB: this is long for a slow line, and short for one on which nothing comes any more. */
const LIMIT_MS = 10 * 60_000;

/**
 * Packages by npm itself, which knows the registry and checks what it brings. What takes longer than `limitMs` is ended, and so
 * is what goes on when `signal` is aborted.
 */
export function npmPackages({
  environment,
  signal,
  limitMs = LIMIT_MS,
}: {
  readonly environment: Environment;
  readonly signal: AbortSignal;
  readonly limitMs?: number;
}): FetchPackage {
  const run = async (program: string, args: readonly string[], cwd: string): Promise<string> => {
    try {
      const ending = { cancelSignal: signal, timeout: limitMs };
      return (await execa(program, args, { cwd, env: { ...environment }, extendEnv: false, ...ending })).stdout;
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    }
  };
  return async (name, version, into) => {
    const packed = await run('npm', ['pack', `${name}@${version}`, '--json', '--pack-destination', into], into);
    const [file] = JSON.parse(packed) as readonly { readonly filename: string }[];
    if (file === undefined) throw new Error('npm packed nothing');
    await run('tar', ['-xzf', join(into, file.filename), '-C', into], into);
    return join(into, 'package');
  };
}
