import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';

export interface ClientOutcome {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Nothing of this process's environment but a search path. */
function clientEnvironment(environment: Readonly<Record<string, string>>): Record<string, string> {
  return { PATH: '/usr/bin:/bin', HOME: '/nonexistent', LC_ALL: 'C.UTF-8', ...environment };
}

/** Runs a client program to its end. */
export function runClient(
  program: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<ClientOutcome> {
  return new Promise((resolve) => {
    const env = clientEnvironment(environment);
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

/** A program that answers each line with a line, in order. */
export interface LineSession extends AsyncDisposable {
  ask(line: string): Promise<string>;
}

export function lineSession(
  program: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
): LineSession {
  const child = spawn(program, args, { env: clientEnvironment(environment), stdio: ['pipe', 'pipe', 'inherit'] });
  const waiting: Array<{ resolve: (line: string) => void; reject: (error: Error) => void }> = [];
  const lines = createInterface({ input: child.stdout });
  lines.on('line', (line) => waiting.shift()?.resolve(line));
  const ended = once(child, 'close');
  ended.then(
    () => waiting.forEach(({ reject }) => reject(new Error(`${program} ended`))),
    () => {},
  );
  return {
    ask: (line) =>
      new Promise((resolve, reject) => {
        waiting.push({ resolve, reject });
        child.stdin.write(`${line}\n`);
      }),
    [Symbol.asyncDispose]: async () => {
      child.stdin.end();
      await ended;
    },
  };
}
