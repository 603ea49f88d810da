import { closeSync, fstatSync, open, read } from 'node:fs';
import { type FileIdentity, identityIn } from './file-identity.ts';

/**
 * A file that is read, with as few turns of the thread pool as can be: each takes some ten microseconds of CPU to hand over,
 * and through `node:fs/promises` more, which is what a small file costs (docs/figures.md). What may wait for a disk has its
 * turn; what the kernel knows of an open file is asked for at once.
 */
export class OpenFile {
  readonly path: string;
  readonly #descriptor: number;

  private constructor(path: string, descriptor: number) {
    this.path = path;
    this.#descriptor = descriptor;
  }

  static open(path: string): Promise<OpenFile> {
    return new Promise((resolve, reject) => {
      open(path, 'r', (error, descriptor) => {
        if (error === null) resolve(new OpenFile(path, descriptor));
        else reject(error);
      });
    });
  }

  /** Resolves with how many bytes came, 0 at the file's end. */
  read(into: Uint8Array, position: number): Promise<number> {
    return new Promise((resolve, reject) => {
      read(this.#descriptor, into, 0, into.byteLength, position, (error, bytesRead) => {
        if (error === null) resolve(bytesRead);
        else reject(error);
      });
    });
  }

  identity(): FileIdentity {
    return identityIn(fstatSync(this.#descriptor, { bigint: true }));
  }

  /** Nothing is left to be written, so that nothing is waited for. */
  close(): void {
    closeSync(this.#descriptor);
  }
}
