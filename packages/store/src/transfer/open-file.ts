import { close, closeSync, fstatSync, open, read, write } from 'node:fs';
import { type FileIdentity, identityIn } from './file-identity.ts';

/** To be read; to be made and written, where there is nothing yet; to be written on, where there is. */
type OpenFlag = 'r' | 'wx' | 'r+';

/**
 * An open file that takes as few turns of the thread pool as can be: each is some ten microseconds of CPU to hand over, and
 * twice that through `node:fs/promises`, which is a good part of what a small file costs (docs/figures.md). What may wait for
 * a disk has its turn; what the kernel knows of an open file is asked for at once.
 */
export class OpenFile {
  readonly path: string;
  readonly #descriptor: number;
  readonly #isWritten: boolean;

  private constructor(path: string, flag: OpenFlag, descriptor: number) {
    this.path = path;
    this.#descriptor = descriptor;
    this.#isWritten = flag !== 'r';
  }

  static open(path: string, flag: OpenFlag): Promise<OpenFile> {
    return new Promise((resolve, reject) => {
      open(path, flag, (error, descriptor) => {
        if (error === null) resolve(new OpenFile(path, flag, descriptor));
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

  async writeAll(bytes: Uint8Array, position: number): Promise<void> {
    for (let written = 0; written < bytes.byteLength;)
      written += await this.#write(bytes.subarray(written), position + written);
  }

  identity(): FileIdentity {
    return identityIn(fstatSync(this.#descriptor, { bigint: true }));
  }

  /** To be called once. On a network's disk it may take time, and fail, where something was written. */
  async close(): Promise<void> {
    if (!this.#isWritten) return closeSync(this.#descriptor);
    await new Promise<void>((resolve, reject) => {
      close(this.#descriptor, (error) => {
        if (error) reject(error);
        else resolve();
      });
    });
  }

  #write(bytes: Uint8Array, position: number): Promise<number> {
    return new Promise((resolve, reject) => {
      write(this.#descriptor, bytes, 0, bytes.byteLength, position, (error, bytesWritten) => {
        if (error === null) resolve(bytesWritten);
        else reject(error);
      });
    });
  }
}
