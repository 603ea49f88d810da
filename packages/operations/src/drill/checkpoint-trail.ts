import { manifest } from '@runctl/protocol';
import type { ObjectStore } from '@runctl/store';
import { readDocument } from '../documents.ts';

/** One checkpoint that became durable, as its manifest describes it. */
export interface DurableSave {
  readonly key: string;
  readonly generation: number;
  readonly step: number | null;
  /** When its newest file was written, wall time of its machine. */
  readonly savedAtMs: number;
  readonly recogniser: string;
}

/** Collects the checkpoints of one run while they become durable. */
export class CheckpointTrail {
  readonly #store: ObjectStore;
  readonly #known = new Map<string, DurableSave>();

  constructor(store: ObjectStore) {
    this.#store = store;
  }

  /** All checkpoints from the first known one to `latest`, a manifest's key, in the order in which they became durable. */
  async follow(latest: string | null): Promise<readonly DurableSave[]> {
    const found: DurableSave[] = [];
    for (let key = latest; key !== null && !this.#known.has(key);) {
      const read = await readDocument(this.#store, manifest, key);
      if (read === null) break;
      const { generation, step, savedAt, recogniser, previous } = read.document;
      found.unshift({ key, generation, step, savedAtMs: Date.parse(savedAt), recogniser });
      key = previous;
    }
    for (const save of found) this.#known.set(save.key, save);
    return [...this.#known.values()];
  }
}
