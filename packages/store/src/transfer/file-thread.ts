import type { BigIntStats } from 'node:fs';
import type { Worker } from 'node:worker_threads';

/** What a thread is asked to do, each in one go. */
export type FileJob =
  | { readonly kind: 'read'; readonly path: string; readonly mostBytes: number }
  | { readonly kind: 'identity'; readonly path: string }
  | { readonly kind: 'stats'; readonly folder: string; readonly names: readonly string[]; readonly follow: boolean }
  | { readonly kind: 'deliver'; readonly delivery: Delivery };

export interface Delivery {
  /** Their memory is given away. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly target: string;
  /** Real path that the target must stay in. */
  readonly root: string;
  /** Where the file stands until it is whole, beside the target; what stands there is left over and goes. */
  readonly part: string;
  /** Goes too. */
  readonly journal: string;
  readonly modifiedSeconds: number;
}

/** What is needed of a file's stats, or the code of the error that kept it back. */
export type StatLook = readonly [mode: number, sizeBytes: number, modifiedMs: number] | string;

export type Stamp = readonly [inode: bigint, sizeBytes: bigint, modifiedNs: bigint];

export type FileOutcome =
  | { readonly kind: 'read'; readonly before: Stamp; readonly after: Stamp; readonly bytes: Uint8Array | null }
  | { readonly kind: 'identity'; readonly stamp: Stamp | null }
  | { readonly kind: 'stats'; readonly looks: readonly StatLook[] }
  | { readonly kind: 'delivered'; readonly isInside: boolean }
  | { readonly kind: 'failed'; readonly message: string; readonly details: Readonly<Record<string, unknown>> };

export interface BatchAnswer {
  readonly outcomes: readonly FileOutcome[];
  readonly tookMs: number;
  /** A disk, not memory, was read by the process meanwhile. */
  readonly readDisk: boolean;
}

/**
 * What a thread runs: the text of this function and nothing else, so that it stands in every bundle as it is. It may refer
 * to nothing outside of itself.
 */
export function serveFileJobs(): void {
  const fs = process.getBuiltinModule('node:fs');
  const path = process.getBuiltinModule('node:path');
  const { parentPort } = process.getBuiltinModule('node:worker_threads');
  const stampOf = ({ ino, size, mtimeNs }: BigIntStats): Stamp => [ino, size, mtimeNs];

  const read = (at: string, mostBytes: number): FileOutcome => {
    const file = fs.openSync(at, 'r');
    try {
      const stats = fs.fstatSync(file, { bigint: true });
      const before = stampOf(stats);
      if (stats.size > mostBytes) return { kind: 'read', before, after: before, bytes: null };
      const bytes = new Uint8Array(Number(stats.size));
      let filled = 0;
      for (let more = 1; more > 0 && filled < bytes.byteLength; filled += more)
        more = fs.readSync(file, bytes, filled, bytes.byteLength - filled, filled);
      const after = stampOf(fs.fstatSync(file, { bigint: true }));
      return { kind: 'read', before, after, bytes: filled === bytes.byteLength ? bytes : bytes.slice(0, filled) };
    } finally {
      fs.closeSync(file);
    }
  };

  const look = (at: string, follow: boolean): StatLook => {
    try {
      const stats = (follow ? fs.statSync : fs.lstatSync)(at, { throwIfNoEntry: false });
      return stats === undefined ? 'ENOENT' : [stats.mode, stats.size, stats.mtimeMs];
    } catch (error) {
      return (error as NodeJS.ErrnoException).code ?? String(error);
    }
  };

  /** Never into a file, or through a link, that stands there already. */
  const writeAnew = (part: string, bytes: Uint8Array): void => {
    try {
      fs.writeFileSync(part, bytes, { flag: 'wx' });
    } catch (error) {
      // What a full disk left of it must not stay.
      fs.rmSync(part, { force: true });
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      fs.writeFileSync(part, bytes, { flag: 'wx' });
    }
  };

  const deliver = ({ bytes, target, root, part, journal, modifiedSeconds }: Delivery): FileOutcome => {
    const folder = path.dirname(target);
    fs.mkdirSync(folder, { recursive: true });
    const real = fs.realpathSync.native(folder);
    const isInside = real === root || real.startsWith(root.endsWith(path.sep) ? root : root + path.sep);
    if (!isInside) return { kind: 'delivered', isInside };
    writeAnew(part, bytes);
    fs.utimesSync(part, modifiedSeconds, modifiedSeconds);
    fs.renameSync(part, target);
    if (fs.existsSync(journal)) fs.rmSync(journal, { force: true });
    return { kind: 'delivered', isInside };
  };

  const perform = (job: FileJob): FileOutcome => {
    try {
      if (job.kind === 'read') return read(job.path, job.mostBytes);
      if (job.kind === 'deliver') return deliver(job.delivery);
      if (job.kind === 'stats')
        return { kind: 'stats', looks: job.names.map((name) => look(path.join(job.folder, name), job.follow)) };
      const stats = fs.statSync(job.path, { bigint: true, throwIfNoEntry: false });
      return { kind: 'identity', stamp: stats === undefined ? null : stampOf(stats) };
    } catch (error) {
      // A copied error would lose its code.
      const details = Object.fromEntries(Object.entries(error as object));
      return { kind: 'failed', message: (error as Error).message, details };
    }
  };

  parentPort?.on('message', (jobs: readonly FileJob[]) => {
    const startedMs = performance.now();
    const blocksBefore = process.resourceUsage().fsRead;
    const outcomes = jobs.map(perform);
    const bytes = outcomes.flatMap((outcome) =>
      outcome.kind === 'read' && outcome.bytes !== null ? [outcome.bytes] : [],
    );
    const readDisk = process.resourceUsage().fsRead > blocksBefore;
    const answer: BatchAnswer = { outcomes, tookMs: performance.now() - startedMs, readDisk };
    parentPort.postMessage(
      answer,
      bytes.map(({ buffer }) => buffer as ArrayBuffer),
    );
  });
}

/** One thread, which has one batch at a time. */
export class FileThread {
  readonly #worker: Worker;
  #waiting: { readonly resolve: (answer: BatchAnswer) => void; readonly reject: (error: Error) => void } | null = null;

  constructor() {
    const { Worker } = process.getBuiltinModule('node:worker_threads');
    this.#worker = new Worker(`(${serveFileJobs.toString()})()`, { eval: true, execArgv: [] });
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
