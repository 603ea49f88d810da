import type { FileIdentity } from './file-identity.ts';
import type { Delivery, FileJob, FileOutcome, Stamp, StatLook } from './file-jobs.ts';
import { FileThread } from './file-thread.ts';

/** Larger ones cost so much else that a thread's turn more does not matter. */
export const SMALL_FILE_BYTES = 256 * 1024;
const BATCH_JOBS = 16;
const MOST_THREADS = 4;
/** From here on a disk that was read was waited for. */
const SLOW_JOB_MS = 0.5;

export interface WholeFile {
  /** Fewer than the file had before, where it shrank. */
  readonly bytes: Uint8Array;
  readonly before: FileIdentity;
  /** When the last byte was read. */
  readonly after: FileIdentity;
}

interface Pending {
  readonly job: FileJob;
  readonly resolve: (outcome: FileOutcome) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Reads and writes small files on threads of its own, many in a row for each message to them. Through the thread pool a
 * file takes three to nine turns, of some twenty microseconds of CPU each: as much as its request (docs/figures.md). One
 * thread, and more where the disk is what is waited for. Rejects with the file system's errors.
 */
export class SmallFiles implements AsyncDisposable {
  #threads: FileThread[] = [];
  #queue: Pending[] = [];
  #isSlow = false;
  #isFlushing = false;

  /** Null when the file has more bytes than that. */
  async read(path: string, mostBytes: number): Promise<WholeFile | null> {
    const outcome = await this.#ask({ kind: 'read', path, mostBytes });
    if (outcome.kind !== 'read') throw failureOf(outcome);
    const { bytes, before, after } = outcome;
    return bytes === null ? null : { bytes, before: identityOf(before), after: identityOf(after) };
  }

  /** Null when there is no such file. */
  async identityOf(path: string): Promise<FileIdentity | null> {
    const outcome = await this.#ask({ kind: 'identity', path });
    if (outcome.kind !== 'identity') throw failureOf(outcome);
    return outcome.stamp === null ? null : identityOf(outcome.stamp);
  }

  /** Of each name, or path, below the folder; of links themselves unless they are to be followed. */
  async stats(folder: string, names: readonly string[], follow: boolean): Promise<readonly StatLook[]> {
    const outcome = await this.#ask({ kind: 'stats', folder, names, follow });
    if (outcome.kind !== 'stats') throw failureOf(outcome);
    return outcome.looks;
  }

  /** Makes the file's folder and the file, which takes the place of an older one when it is whole. False: it would lie outside. */
  async deliver(delivery: Delivery): Promise<boolean> {
    const outcome = await this.#ask({ kind: 'deliver', delivery });
    if (outcome.kind !== 'delivered') throw failureOf(outcome);
    return outcome.isInside;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const threads = this.#threads;
    this.#threads = [];
    await Promise.all(threads.map((thread) => thread.end()));
  }

  #ask(job: FileJob): Promise<FileOutcome> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ job, resolve, reject });
      if (this.#isFlushing) return;
      this.#isFlushing = true;
      // What else is asked for in this turn goes with the same message.
      setImmediate(() => this.#flush());
    });
  }

  #flush(): void {
    this.#isFlushing = false;
    while (this.#queue.length > 0) {
      const thread = this.#threads.find(({ isBusy }) => !isBusy) ?? this.#another();
      if (thread === null) return;
      void this.#perform(thread, this.#queue.splice(0, BATCH_JOBS));
    }
  }

  #another(): FileThread | null {
    const count = this.#threads.length;
    if (count > 0 && (!this.#isSlow || count === MOST_THREADS)) return null;
    const thread = new FileThread();
    this.#threads.push(thread);
    return thread;
  }

  async #perform(thread: FileThread, batch: readonly Pending[]): Promise<void> {
    try {
      const { outcomes, tookMs, readDisk } = await thread.perform(batch.map(({ job }) => job));
      this.#isSlow = readDisk && tookMs / batch.length > SLOW_JOB_MS;
      for (const [index, { resolve, reject }] of batch.entries()) {
        const outcome = outcomes[index];
        if (outcome === undefined) reject(new Error('a thread left a file out'));
        else resolve(outcome);
      }
    } catch (error) {
      this.#threads = this.#threads.filter((each) => each !== thread);
      void thread.end();
      for (const { reject } of batch) reject(error);
    }
    this.#flush();
  }
}

function identityOf([inode, sizeBytes, modifiedNs]: Stamp): FileIdentity {
  return { inode, sizeBytes: Number(sizeBytes), modifiedNs };
}

function failureOf(outcome: FileOutcome): Error {
  if (outcome.kind !== 'failed') return new Error(`a thread answered with ${outcome.kind}`);
  return Object.assign(new Error(outcome.message), outcome.details);
}
