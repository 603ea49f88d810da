import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';

export interface ClientOutcome {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a client program to its end, with nothing of this process's environment but the search path. */
export function runClient(
  program: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<ClientOutcome> {
  return new Promise((resolve) => {
    const env = { PATH: '/usr/bin:/bin', HOME: '/nonexistent', LC_ALL: 'C.UTF-8', ...environment };
    execFile(program, [...args], { env, maxBuffer: 16 * 1024 * 1024 }, (error, stdout, stderr) => {
      const exitCode = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
      resolve({ exitCode, stdout, stderr });
    });
  });
}

/** Why a client program can't be used here; null when it can. */
export function missingClient(program: string): string | null {
  return existsSync(program) ? null : `${program} is not installed`;
}

/** Lets at most `limit` of the given work run at once. */
export function limited(limit: number): <Value>(work: () => Promise<Value>) => Promise<Value> {
  let running = 0;
  const waiting: Array<() => void> = [];
  return async (work) => {
    if (running >= limit) await new Promise<void>((resolve) => waiting.push(resolve));
    running++;
    try {
      return await work();
    } finally {
      running--;
      waiting.shift()?.();
    }
  };
}
