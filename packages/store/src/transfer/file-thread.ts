import type { Worker } from 'node:worker_threads';
import type { BatchAnswer, FileJob } from './file-jobs.ts';
import { fileThreadProgram } from './file-thread-program.ts';

/** One thread, which has one batch at a time. */
export class FileThread {
  readonly #worker: Worker;
  #waiting: { readonly resolve: (answer: BatchAnswer) => void; readonly reject: (error: Error) => void } | null = null;

  constructor() {
    const { Worker } = process.getBuiltinModule('node:worker_threads');
    this.#worker = new Worker(fileThreadProgram(), { eval: true, execArgv: [] });
    this.#worker.unref();
    this.#worker.on('message', (answer: BatchAnswer) => this.#end()?.resolve(answer));
    this.#worker.on('error', (error) => this.#end()?.reject(error as Error));
    this.#worker.on('exit', () => this.#end()?.reject(new Error('the thread that reads and writes files has ended')));
  }

  get isBusy(): boolean {
    return this.#waiting !== null;
  }

  perform(jobs: readonly FileJob[]): Promise<BatchAnswer> {
    const given = jobs.flatMap((job) => (job.kind === 'deliver' ? [job.delivery.bytes.buffer] : []));
    this.#worker.ref();
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#worker.postMessage(jobs, given);
    });
  }

  async end(): Promise<void> {
    await this.#worker.terminate();
  }

  #end() {
    const waiting = this.#waiting;
    this.#waiting = null;
    this.#worker.unref();
    return waiting;
  }
}
