/** What the agent needs of a lease. One agent, one keeper; see design: nobody but the holder publishes. */
export interface LeaseKeeper {
  /**
   * Waits while another holds it and resolves with the generation once it is ours: the one that this machine held before,
   * if nobody took it since. `onWait` hears whom it waits for. Rejects only with the signal's reason.
   */
  acquire(options: {
    readonly signal: AbortSignal;
    readonly onWait: (holder: { readonly owner: string; readonly generation: number }) => void;
  }): Promise<number>;
  /** One try: the generation, or null when another holds it. Rejects when the bucket does not answer. */
  tryAcquire(): Promise<number | null>;
  /** Goes on as the holder that this machine was, in doubt until the next renewal; null when it was none. Asks nobody. */
  resume(): Promise<number | null>;
  /** Renews until the signal fires. `onFenced` comes once, when another generation was seen. */
  run(signal: AbortSignal, onFenced: () => void): Promise<void>;
  /** Null while in doubt, or not the holder. */
  mayPublish(): { readonly generation: number } | null;
  view(): { readonly state: string; readonly generation: number | null; readonly renewedAgoMs: number | null };
  /** So that a successor starts at once. A lease that another has by now is left alone. Rejects as the store does. */
  release(): Promise<void>;
}
