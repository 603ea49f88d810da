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

/** What a publisher builds its next commit on. */
export interface Standing {
  readonly pointer: StoredPointer | null;
  /** The pointer is there but damaged: the next commit puts a good one in its place. */
  readonly damaged: DamagedPointer | null;
  /** The manifest that `latest.json` names; null when there is none, or it is gone or damaged. */
  readonly manifest: Manifest | null;
  /** For the `previous` of the next manifest. Found by listing when the pointer is lost. */
  readonly previousKey: string | null;
}

/** Reads where the run stands in the bucket, and hands out numbers for new checkpoints. Keeps nothing that can't be read again. */
export class Ledger {
  #manifest: { readonly key: string; readonly document: Manifest } | null = null;
  #numbers: CheckpointOrder | null = null;
  /** The highest that this machine knows of, which need not be in the bucket yet. */
  #handedOut: CheckpointOrder = { generation: 0, seq: 0 };

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
   * A number that no manifest and no data folder bears yet, higher than all of the generation. Rejects with
   * PublishingRefused when the bucket holds a checkpoint of a higher generation.
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

  /** A number that was handed out before the agent started again. */
  noteUsed({ generation, seq }: CheckpointOrder): void {
    this.#handedOut = {
      generation,
      seq: Math.max(seq, this.#handedOut.generation === generation ? this.#handedOut.seq : 0),
    };
  }

  /** Reads the numbers in use again before the next one is handed out. */
  forgetNumbers(): void {
    this.#numbers = null;
  }
}

/** A manifest that was damaged must not keep new checkpoints out of the bucket. */
function ifDamaged(error: unknown): null {
  if (isRunctlError(error, 'internal')) return null;
  throw error;
}
