import { isRunctlError } from '@runctl/core';
import { type CheckpointOrder, compareOrder, type Manifest } from '@runctl/protocol';
import {
  type BucketAccess,
  type DamagedPointer,
  PublishingRefused,
  inspectPointer,
  readManifest,
  surveyBucket,
  type StoredPointer,
} from './commit.ts';

/** What the run has committed in the bucket: the base of the next commit. */
export interface Standing {
  readonly pointer: StoredPointer | null;
  /** Set when the pointer is there but damaged; the next commit replaces it. */
  readonly damaged: DamagedPointer | null;
  /** The manifest that `latest.json` names; null when there is none, or it is gone or damaged. */
  readonly manifest: Manifest | null;
  /** Key for `previous` in the next manifest: the pointer's, or the newest in the bucket when the pointer is lost. */
  readonly previousKey: string | null;
}

/** The manifest that `latest.json` names; null when there is none, or its key is among `rejected`: its data is damaged. */
export function trustedManifest({ pointer, manifest }: Standing, rejected: readonly string[]): Manifest | null {
  return pointer === null || rejected.includes(pointer.pointer.manifest) ? null : manifest;
}

/**
 * Reads what the run has committed in the bucket, and hands out the numbers of new checkpoints. It keeps nothing that
 * is not in the bucket or in this machine's upload journal too (see `noteUsed`).
 */
export class Ledger {
  #manifest: { readonly key: string; readonly document: Manifest } | null = null;
  /** The highest number in use, by a listing of the bucket and by what followed it; null until the (next) listing. */
  #numbers: CheckpointOrder | null = null;
  /** The highest number that this machine has handed out, which need not be in the bucket yet. */
  #handedOut: CheckpointOrder = { generation: 0, seq: 0 };

  /** Reads pointer and manifest. Rejects as the store does, and with `newer-format` when one of them is newer. */
  async read(access: BucketAccess): Promise<Standing> {
    const pointer = await inspectPointer(access);
    if (pointer === null || 'problem' in pointer) {
      const { manifests } = await surveyBucket(access);
      return { pointer: null, damaged: pointer, manifest: null, previousKey: manifests.at(-1)?.key ?? null };
    }
    const key = pointer.pointer.manifest;
    if (this.#manifest?.key !== key) {
      const document = await readManifest(access, key).catch(ifDamaged);
      this.#manifest = document === null ? null : { key, document };
    }
    return { pointer, damaged: null, manifest: this.#manifest?.document ?? null, previousKey: key };
  }

  /**
   * Hands out a number that no manifest and no data folder has yet, above all others of `generation`. Lists the bucket
   * for the first number of a generation, and after `forgetNumbers`. Rejects with PublishingRefused when the bucket
   * holds a checkpoint of a higher generation.
   */
  async nextOrder(access: BucketAccess, generation: number, standing: Standing): Promise<CheckpointOrder> {
    const committed = standing.pointer?.pointer ?? null;
    if (committed !== null && committed.generation > generation) throw new PublishingRefused('fenced');
    if (this.#numbers?.generation !== generation) {
      const { manifests, dataFolders } = await surveyBucket(access);
      const highest = [...manifests, ...dataFolders, ...(committed === null ? [] : [committed])]
        .toSorted(compareOrder)
        .filter((order) => order.generation <= generation)
        .at(-1);
      if (committed === null && (manifests.at(-1)?.generation ?? 0) > generation) throw new PublishingRefused('fenced');
      this.#numbers = { generation, seq: highest?.generation === generation ? highest.seq : 0 };
    }
    const known = this.#handedOut.generation === generation ? this.#handedOut.seq : 0;
    this.#numbers = { generation, seq: Math.max(this.#numbers.seq, known) + 1 };
    this.#handedOut = this.#numbers;
    return this.#numbers;
  }

  /** Keeps a number that an earlier agent on this machine handed out from being handed out again. */
  noteUsed({ generation, seq }: CheckpointOrder): void {
    this.#handedOut = {
      generation,
      seq: Math.max(seq, this.#handedOut.generation === generation ? this.#handedOut.seq : 0),
    };
  }

  /** Makes `nextOrder` list the bucket again, for when another manifest has taken a number that was handed out. */
  forgetNumbers(): void {
    this.#numbers = null;
  }
}

/** Null for a damaged manifest, which must not keep new checkpoints out of the bucket. */
function ifDamaged(error: unknown): null {
  if (isRunctlError(error, 'internal')) return null;
  throw error;
}
