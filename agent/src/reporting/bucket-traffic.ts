import { intercepted, isStoreError, type ObjectStore } from '@runctl/store';

/** Calls by which bytes reach the bucket, or move inside it. */
const WRITES: ReadonlySet<keyof ObjectStore> = new Set([
  'put',
  'copy',
  'uploadPart',
  'copyPart',
  'completeMultipart',
] as const);

/** Counts what goes to the bucket of checkpoints and log: whether it moves, and why not. */
export class BucketTraffic {
  #writes = 0;
  #trouble: unknown = null;

  /** How many writes the bucket has taken. Only grows. */
  get writes(): number {
    return this.#writes;
  }

  /** Why the last call failed; null when the last one was answered. */
  get trouble(): unknown {
    return this.#trouble;
  }

  /** A call got no answer that helps. Where a store repeats calls by itself, each failure counts. */
  failed(error: unknown): void {
    // These are answers: the bucket is there.
    if (!isStoreError(error, 'aborted', 'missing', 'precondition', 'conflict')) this.#trouble = error;
  }

  /** The store, with its calls counted here. Listings are not: `failed` hears of theirs. */
  through(store: ObjectStore): ObjectStore {
    return intercepted(store, async ({ operation }, perform) => {
      try {
        const answer = await perform();
        this.#trouble = null;
        if (WRITES.has(operation)) this.#writes++;
        return answer;
      } catch (error) {
        this.failed(error);
        throw error;
      }
    });
  }
}
