import { spawn } from 'node:child_process';

/** The machine's power. On a sandbox the commands found by PATH reach only the sandbox's own instance. */
export interface Power {
  /** Asks for an ordinary shutdown, which ends the instance. Resolves when it was asked for. */
  off(): Promise<void>;
  /** Cancels the power-off that the boot script has planned. Never rejects. */
  cancelPlanned(): Promise<void>;
  /** Whether the machine is going down; null when nobody can tell. Never rejects. */
  isGoingDown(): Promise<boolean | null>;
}

/** The system's own commands, by PATH. */
export function systemPower(): Power {
  return {
    async off() {
      const { code } = await call('shutdown', ['-h', 'now']);
      if (code !== 0) throw new Error(`shutdown -h now ended with ${code}`);
    },
    async cancelPlanned() {
      await call('shutdown', ['-c']).catch(() => {});
    },
    async isGoingDown() {
      const answer = await call('systemctl', ['is-system-running']).catch(() => null);
      const word = answer?.output.trim() ?? '';
      if (word === 'stopping') return true;
      return ['running', 'degraded', 'starting', 'initializing', 'maintenance'].includes(word) ? false : null;
    },
  };
}

function call(command: string, words: readonly string[]): Promise<{ code: number; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, words, { stdio: ['ignore', 'pipe', 'ignore'], timeout: 5000 });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code: code ?? -1, output }));
  });
}
