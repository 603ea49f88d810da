import { spawn } from 'node:child_process';
import type { Command } from './measured.ts';

/** A program that runs beside the measurement: its output line by line, and its end. */
export class RunningProgram implements AsyncDisposable {
  readonly pid: number;
  readonly #child;
  readonly #lines: string[] = [];
  readonly #ended: Promise<void>;
  #stderr = '';
  #isOver = false;
  #wake = (): void => {};

  constructor(command: Command, prefix: readonly string[] = []) {
    const [file = '', ...args] = [...prefix, command.file, ...command.args];
    this.#child = spawn(file, args, {
      env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin', ...command.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.pid = this.#child.pid ?? 0;
    let rest = '';
    this.#child.stdout.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      this.#lines.push(...lines);
      this.#wake();
    });
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => (this.#stderr += text));
    this.#ended = new Promise((resolve) => {
      this.#child
        .once('error', (error) => (this.#stderr += String(error)))
        .once('close', () => {
          this.#isOver = true;
          this.#wake();
          resolve();
        });
    });
  }

  /** The next line; rejects when the program ends without one. */
  async line(): Promise<string> {
    for (;;) {
      const line = this.#lines.shift();
      if (line !== undefined) return line;
      if (this.#isOver) throw new Error(`the program ended: ${this.#stderr.slice(-2000)}`);
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  async ended(): Promise<void> {
    await this.#ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isOver) this.#child.kill('SIGKILL');
    await this.#ended;
  }
}
