import { type Log, messageOf } from '@runctl/core';
import type { RetentionPolicy } from '@runctl/protocol';
import type { Publishing } from './commit.ts';
import type { KnownSaves } from '../look/known-saves.ts';
import { type KnownManifests, prune } from './prune.ts';

export interface BackgroundPruneOptions {
  readonly log: Log;
  readonly policy: RetentionPolicy;
  /** Keys of manifests that a restore found damaged. */
  readonly damaged: readonly string[];
  readonly saves: KnownSaves;
}

/** Deletes old checkpoints behind the passes, one prune at a time: no checkpoint waits for it. */
export class BackgroundPrune {
  readonly #options: BackgroundPruneOptions;
  readonly #known: KnownManifests = new Map();
  #current: { readonly stop: AbortController; readonly done: Promise<void> } | null = null;

  constructor(options: BackgroundPruneOptions) {
    this.#options = options;
  }

  /** While one is under way nothing is begun: the next commit asks again. */
  begin(publishing: Publishing): void {
    if (this.#current !== null) return;
    const stop = new AbortController();
    // Not the pass's own signal: that one ends with the pass.
    const done = this.#prune({ ...publishing, signal: stop.signal }).finally(() => {
      this.#current = null;
    });
    this.#current = { stop, done };
  }

  /** Leaves the network to what is more urgent. */
  stop(): void {
    this.#current?.stop.abort(new Error('something more urgent'));
  }

  async settled(): Promise<void> {
    await this.#current?.done;
  }

  /** Failing costs money, not safety. */
  async #prune(publishing: Publishing): Promise<void> {
    const { log, policy, damaged, saves } = this.#options;
    saves.pruneBegins();
    try {
      const report = await prune(publishing, {
        policy,
        damaged,
        known: this.#known,
        mayDelete: (key) => saves.release(key),
      });
      if (report.manifests.length > 0) log.info({ ...report }, 'old checkpoints deleted');
    } catch (error) {
      if (!publishing.signal.aborted) log.warn({ error: messageOf(error) }, 'old checkpoints could not be deleted');
    }
  }
}
