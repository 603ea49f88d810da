/** A queue with one reader: whatever happens meanwhile waits its turn, so nobody but the reader changes state. */
export class Inbox<T> {
  readonly #waiting: T[] = [];
  #wake: (() => void) | null = null;

  push(item: T): void {
    this.#waiting.push(item);
    this.#wake?.();
    this.#wake = null;
  }

  /** Rejects with the signal's reason as soon as that fires. */
  async next(signal: AbortSignal): Promise<T> {
    const onAbort = (): void => this.#wake?.();
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      for (;;) {
        signal.throwIfAborted();
        const item = this.#waiting.shift();
        if (item !== undefined) return item;
        await new Promise<void>((resolve) => (this.#wake = resolve));
      }
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }
}
