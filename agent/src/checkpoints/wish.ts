import type { Clock } from '@runctl/core';

/** A wish for a pass, which ends the pause before it. */
export class Wish {
  #isMade = false;
  #wake = (): void => {};

  /** True from when the wish was made until it was cleared. */
  get isMade(): boolean {
    return this.#isMade;
  }

  make(): void {
    this.#isMade = true;
    this.#wake();
  }

  /** Forgets the wish, because the pass that it asks for begins. */
  clear(): void {
    this.#isMade = false;
  }

  /** Sleeps until the time is over, a wish is made (or is there already) or the signal fires. Never rejects. */
  async pause(ms: number, { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal }): Promise<void> {
    if (this.#isMade) return;
    const woken = new AbortController();
    this.#wake = () => woken.abort();
    await clock.sleep(ms, AbortSignal.any([signal, woken.signal])).catch(() => {});
  }
}
