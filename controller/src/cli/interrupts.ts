/** Ctrl-C: ends the command, unless that has taken it to mean something else. */
export class Interrupts {
  readonly #aborted = new AbortController();
  readonly #exit: () => void;
  #listener: ((press: number) => void) | null = null;
  #presses = 0;

  /** `exit` ends the process at once. */
  constructor(exit: () => void) {
    this.#exit = exit;
  }

  /** Aborts when the command is to end. */
  get signal(): AbortSignal {
    return this.#aborted.signal;
  }

  /** Ends the command; the second time, the process. */
  end(): void {
    if (this.#aborted.signal.aborted) this.#exit();
    this.#aborted.abort(new Error('interrupted'));
  }

  /** A Ctrl-C. */
  press(): void {
    this.#presses += 1;
    if (this.#listener === null || this.#presses > 2) return this.end();
    this.#listener(this.#presses);
  }

  /** Hands the next two to the listener, counted from 1, until that is taken back. */
  take(listener: (press: number) => void): () => void {
    this.#presses = 0;
    this.#listener = listener;
    return () => {
      if (this.#listener === listener) this.#listener = null;
    };
  }
}
