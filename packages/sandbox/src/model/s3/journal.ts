import {
  closeSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readFileSync,
  renameSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { S3Error } from './errors.ts';
import { bucketChangeSchema, type BucketChange } from './records.ts';

/**
 * The one file that decides what is in a bucket: a change exists once its line is written. Appending is synchronous, so a
 * decision, its line and its effect in memory are one step that no other request can come between. A line costs some
 * 20 µs of page cache; nothing is fsynced, so the journal outlives the process but not a power cut.
 */
export class BucketJournal {
  readonly #path: string;
  #file: number;
  #lines: number;
  #isClosed = false;

  private constructor(path: string, lines: number) {
    this.#path = path;
    this.#file = openSync(path, 'a');
    this.#lines = lines;
  }

  get lines(): number {
    return this.#lines;
  }

  static create(path: string, first: BucketChange): BucketJournal {
    const journal = new BucketJournal(path, 0);
    journal.append(first);
    return journal;
  }

  /** Reads what is there and continues it. A torn last line, from a process that was killed, is cut off. */
  static open(path: string, each: (entry: BucketChange) => void): BucketJournal {
    const bytes = readFileSync(path);
    const whole = bytes.lastIndexOf(10) + 1;
    if (whole < bytes.length) truncateSync(path, whole);
    const lines = bytes.toString('utf8', 0, whole).split('\n');
    lines.pop();
    for (const [index, line] of lines.entries()) each(parseLine(line, { path, number: index + 1 }));
    return new BucketJournal(path, lines.length);
  }

  append(entry: BucketChange): void {
    // The number of a closed file may belong to another one by now.
    if (this.#isClosed) throw new S3Error('NoSuchBucket');
    const line = Buffer.from(`${JSON.stringify(entry)}\n`);
    const sizeBytes = fstatSync(this.#file).size;
    const written = writeSync(this.#file, line);
    if (written !== line.length) {
      // A full disk can cut a line short: the next one must not be glued to it.
      ftruncateSync(this.#file, sizeBytes);
      throw new Error(`${this.#path}: the disk took ${written} of ${line.length} bytes`);
    }
    this.#lines += 1;
  }

  /** Replaces all lines by the given ones, which must amount to the same. */
  compact(entries: Iterable<BucketChange>): void {
    const lines = Array.from(entries, (entry) => `${JSON.stringify(entry)}\n`);
    const next = `${this.#path}.next`;
    writeFileSync(next, lines.join(''));
    renameSync(next, this.#path);
    closeSync(this.#file);
    this.#file = openSync(this.#path, 'a');
    this.#lines = lines.length;
  }

  close(): void {
    this.#isClosed = true;
    closeSync(this.#file);
  }
}

function parseLine(line: string, where: { path: string; number: number }): BucketChange {
  try {
    return bucketChangeSchema.parse(JSON.parse(line));
  } catch (error) {
    throw new Error(`${where.path}:${where.number} is not a journal entry of this version`, { cause: error });
  }
}
