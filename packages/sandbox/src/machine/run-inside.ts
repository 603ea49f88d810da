import { spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import type { ExecResult } from './driver.ts';

/** How long output that a finished command's background children may still write is waited for. */
const DRAIN_MS = 200;

export interface InsideCommand {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly stdin?: Buffer;
  readonly timeoutMs: number;
}

/**
 * Runs a command in a process group of its own and collects what it prints. After `timeoutMs` the group is killed and
 * the result has `signal: 'SIGKILL'`. Rejects only when it could not be started.
 */
export function runInside(spec: InsideCommand): Promise<ExecResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(spec.command, [...spec.args], { env: { ...spec.env }, cwd: spec.cwd, detached: true });
    const stdout = collect(child.stdout);
    const stderr = collect(child.stderr);
    const timer = setTimeout(() => killGroup(child.pid), spec.timeoutMs);
    child.once('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.stdin.on('error', () => {
      // The command may end without reading what it was given.
    });
    child.stdin.end(spec.stdin);
    child.once('exit', (exitCode, signal) => {
      clearTimeout(timer);
      const finish = () => {
        clearTimeout(drained);
        child.stdout.destroy();
        child.stderr.destroy();
        resolve({ exitCode, signal, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr) });
      };
      // A daemon that the command left behind may hold the pipes open for ever.
      const drained = setTimeout(finish, DRAIN_MS);
      child.once('close', finish);
    });
  });
}

function collect(stream: Readable): Buffer[] {
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  return chunks;
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It ended in this very moment.
  }
}
