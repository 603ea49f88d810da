/** Part-sized buffers that are used again and again: a transfer's memory is `count` parts, whatever the file's size. */
export class BufferPool {
  readonly #free: Buffer[] = [];
  readonly #sizeBytes: number;
  #unmade: number;
  readonly #waiting: ((buffer: Buffer) => void)[] = [];

  constructor(count: number, sizeBytes: number) {
    this.#unmade = count;
    this.#sizeBytes = sizeBytes;
  }

  /** Waits for a buffer; rejects with the signal's reason when none will come back any more. */
  async take(signal?: AbortSignal): Promise<Buffer> {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    if (this.#unmade > 0) {
      this.#unmade--;
      return Buffer.allocUnsafeSlow(this.#sizeBytes);
    }
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const leave = () => {
        this.#waiting.splice(this.#waiting.indexOf(take), 1);
        reject(signal?.reason as Error);
      };
      const take = (buffer: Buffer) => {
        signal?.removeEventListener('abort', leave);
        resolve(buffer);
      };
      signal?.addEventListener('abort', leave, { once: true });
      this.#waiting.push(take);
    });
  }

  give(buffer: Buffer): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free.push(buffer);
    else next(buffer);
  }
}
