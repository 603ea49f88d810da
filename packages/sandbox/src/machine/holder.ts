import { type ChildProcess, spawn } from 'node:child_process';
import { openSync, closeSync } from 'node:fs';

export interface HolderStart {
  /** Arguments of unshare(1) before the command. */
  readonly nameSpaces: readonly string[];
  /** Run as the first process in them; it tells on descriptor 3 what it has set up, and waits on its input for `go`. */
  readonly setup: readonly string[];
  /** What it and the instance print goes to this file. */
  readonly consoleFile: string;
  readonly environment: Readonly<Record<string, string>>;
}

/**
 * Starts the process that holds an instance's name spaces. The kernel kills it when this process ends in any way, and its end
 * takes the instance along.
 */
export function spawnHolder({ nameSpaces, setup, consoleFile, environment }: HolderStart): ChildProcess {
  const terminal = openSync(consoleFile, 'a', 0o600);
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', 'unshare', ...nameSpaces, ...setup], {
    stdio: ['pipe', terminal, terminal, 'pipe'],
    env: environment,
    cwd: '/',
  });
  child.stdin?.on('error', () => {
    // The instance died while it booted; `exit` tells.
  });
  closeSync(terminal);
  return child;
}
