import { spawn } from 'node:child_process';

export interface CommandEnd {
  readonly code: number;
  readonly output: string;
}

/** Runs one of the system's own commands, found by PATH. Rejects when it could not be started. */
export type CallSystem = (command: string, words: readonly string[]) => Promise<CommandEnd>;

const LONGEST_MS = 5000;

/** By Node's own spawn, for the reason that stands at the agent's `tar` (`unpackWithTar`). */
export const callSystem: CallSystem = (command, words) =>
  new Promise((resolve, reject) => {
    const child = spawn(command, words, { stdio: ['ignore', 'pipe', 'ignore'], timeout: LONGEST_MS });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code: code ?? -1, output }));
  });

const STAYING = ['running', 'degraded', 'starting', 'initializing', 'maintenance'];

/** Asks systemd whether the system is shutting down; null where there is no systemd. Never rejects. */
export async function isSystemStopping(call: CallSystem): Promise<boolean | null> {
  const answer = await call('systemctl', ['is-system-running']).catch(() => null);
  const word = answer?.output.trim() ?? '';
  if (word === 'stopping') return true;
  return STAYING.includes(word) ? false : null;
}
