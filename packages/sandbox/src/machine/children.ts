import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

/** Resolves when a child has ended, with its exit code; null when a signal ended it or it could not be started. */
export function exitOf(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve(child.exitCode);
    child.once('exit', (code) => resolve(code));
    child.once('error', () => resolve(null));
  });
}

/** Calls `onLine` for every line that a child writes to its descriptor `fd`, which must be a pipe. */
export function onLines(child: ChildProcess, fd: number, onLine: (line: string) => void): void {
  const stream = child.stdio[fd] as Readable | null | undefined;
  // A child that could not be started has no pipes.
  if (stream === null || stream === undefined) return;
  stream.on('error', () => stream.destroy());
  createInterface({ input: stream }).on('line', onLine);
}
