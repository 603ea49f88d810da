import { spawn, type StdioOptions } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import { Readable, type Stream } from 'node:stream';
import { onLines } from './children.ts';
import type { ExecResult } from './machine.ts';

/** A finished command's output is complete when the pipes close, or when they were silent for so long. */
const SILENCE_MS = 200;
/** Output that is kept of one stream; the rest is read and dropped. Run Command shows 24,000 characters. */
const MAX_OUTPUT_BYTES = 4 * 1024 ** 2;

export interface InsideCommand {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly stdin?: Buffer;
  readonly timeoutMs: number;
  /**
   * The program is a wrapper that stays for what the command leaves behind: on descriptor 3 it writes `pid <n>` of the
   * command's process group and `exit <code>` or `signal <number>` when the command ends.
   */
  readonly reported?: boolean;
}

/**
 * Runs a command in a process group of its own and collects the first 4 MiB of what it prints on each stream. After `timeoutMs` the group is killed and
 * the result says so. Rejects only when it could not be started.
 */
export function runInside(spec: InsideCommand): Promise<ExecResult> {
  return new Promise((resolve, reject) => {
    const stdio: StdioOptions = spec.reported === true ? ['pipe', 'pipe', 'pipe', 'pipe'] : ['pipe', 'pipe', 'pipe'];
    const child = spawn(spec.command, [...spec.args], { env: { ...spec.env }, cwd: spec.cwd, detached: true, stdio });
    const [stdout, stderr] = [collect(child.stdout), collect(child.stderr)];
    let group = child.pid;
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      killGroup(group);
    }, spec.timeoutMs);
    let finished = false;
    const finish = (exitCode: number | null, signal: string | null) => {
      if (finished) return;
      finished = true;
      clearTimeout(timer);
      const settle = () => {
        clearTimeout(drained);
        child.stdout?.destroy();
        child.stderr?.destroy();
        resolve({ exitCode, signal, timedOut, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr) });
      };
      // A daemon that the command left behind may hold the pipes open for ever.
      const drained = setTimeout(settle, SILENCE_MS);
      for (const stream of [child.stdout, child.stderr]) stream?.on('data', () => drained.refresh());
      Promise.all([closed(child.stdout), closed(child.stderr)]).then(settle, settle);
    };
    child.once('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.stdin?.on('error', () => {
      // The command may end without reading what it was given.
    });
    child.stdin?.end(spec.stdin);
    // A report may still be on its way when the wrapper has ended.
    child.once('exit', (code, signal) => void closed(child.stdio[3]).then(() => finish(code, signal)));
    if (spec.reported === true)
      onLines(child, 3, (line) => {
        const [word, value] = line.split(' ');
        if (word === 'pid') group = Number(value);
        if (word === 'exit') finish(Number(value), null);
        if (word === 'signal') finish(null, signalName(Number(value)));
      });
  });
}

function signalName(signal: number): string {
  return Object.entries(constants.signals).find(([, number]) => number === signal)?.[0] ?? `signal ${signal}`;
}

async function closed(stream: Stream | null | undefined): Promise<void> {
  if (stream instanceof Readable && !stream.closed) await once(stream, 'close');
}

function collect(stream: Readable | null): Buffer[] {
  const chunks: Buffer[] = [];
  let roomBytes = MAX_OUTPUT_BYTES;
  stream?.on('data', (chunk: Buffer) => {
    if (roomBytes > 0) chunks.push(Buffer.from(chunk.subarray(0, roomBytes)));
    roomBytes -= chunk.length;
  });
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
