import type { Manifest, RetentionPolicy } from '@runctl/protocol';
import type { Candidate } from '../contract/recogniser.ts';
import { stepEntryOf } from './names.ts';
import { isSave, newestFirst } from './plan.ts';

/**
 * So many saves may lie in the folder before a script that has deleted none is taken for one that never does: until then
 * those in the bucket stay, since they may be what its own retention keeps.
 */
const UNDECIDED_SAVES = 10;

interface KnownSave {
  readonly manifest: Manifest;
  readonly savedAtMs: number;
  readonly sizes: ReadonlyMap<string, number>;
}

/** Remembers which saves of the run stand in the bucket, to name them as companions of later ones. */
export class KnownSaves {
  readonly #saves = new Map<string, KnownSave>();
  /** Keys that were named since the last prune began, which may not know of that. */
  readonly #named = new Set<string>();
  /** Keys that were released since the last prune began, and all that were while the manifests are being listed. */
  readonly #released = new Set<string>();
  #isListing = false;
  #onDisk: readonly Candidate[] = [];
  #isComplete = false;
  #ownRetention = false;

  /** The script deletes old saves itself, so that those it left belong to its state. Stays so. */
  get ownRetention(): boolean {
    return this.#ownRetention;
  }

  /** Whether all manifests of the run were noted. */
  get isComplete(): boolean {
    return this.#isComplete;
  }

  /** Whether the manifests of the run should be noted, since some may be named or must not be deleted. */
  get areNeeded(): boolean {
    return this.#ownRetention || this.#keepsWhatLies;
  }

  /** Notes the saves that lie in the folder now. */
  noteOnDisk(candidates: readonly Candidate[]): void {
    this.#onDisk = candidates.filter(({ step }) => step !== null);
  }

  noteOwnRetention(): void {
    this.#ownRetention = true;
  }

  /** Notes all manifests of the run, which `list` gives by their keys, the oldest first. Rejects as it does. */
  async noteAll(list: () => Promise<ReadonlyMap<string, Manifest>>): Promise<void> {
    this.#isListing = true;
    try {
      const manifests = await list();
      this.#saves.clear();
      for (const [key, manifest] of manifests) this.note(key, manifest);
      this.#isComplete = true;
    } finally {
      this.#isListing = false;
    }
  }

  /** A manifest that a prune has released meanwhile is not noted: it is gone. */
  note(key: string, manifest: Manifest): void {
    if (this.#released.has(key)) return;
    const sizes = new Map(manifest.files.map(({ path, sizeBytes }) => [path, sizeBytes]));
    this.#saves.set(key, { manifest, savedAtMs: Date.parse(manifest.savedAt), sizes });
    if (manifest.ownRetention === true) this.#ownRetention = true;
  }

  /** Key of the newest manifest that was made for this save; null when none is known. */
  heldBy(candidate: Candidate): string | null {
    let newest: string | null = null;
    for (const [key, save] of this.#saves) if (isSaveOf(save, candidate)) newest = key;
    return newest;
  }

  /**
   * Keys of the earlier saves, of those `beside` it, that belong to the state of a candidate: all that a script with a
   * retention of its own has left; else, where its own name bears no step (Lightning's `best.ckpt`), the newest in the
   * bucket whose name does, since a script may look for either.
   */
  earlierOf(candidate: Candidate, beside: readonly Candidate[]): readonly string[] {
    const earlier = newestFirst(beside.filter((other) => isEarlier(other, candidate)));
    const numbered = bearsStep(candidate) ? [] : earlier.filter(bearsStep);
    const keys = (this.#ownRetention ? earlier : numbered)
      .map((each) => this.heldBy(each))
      .filter((key) => key !== null);
    return this.#ownRetention ? keys : keys.slice(0, 1);
  }

  /** Key of the best save before this step, of equals the newest; null where these metrics are as good. */
  bestBefore(
    { step, metrics }: Pick<Manifest, 'step'> & { readonly metrics: NonNullable<Manifest['metrics']> },
    { metric, mode }: NonNullable<RetentionPolicy['best']>,
    damaged: readonly string[],
  ): string | null {
    const lossOf = (of: Manifest['metrics']): number => {
      const value = of?.[metric];
      if (value === undefined || !Number.isFinite(value)) return Number.POSITIVE_INFINITY;
      return mode === 'min' ? value : -value;
    };
    let best: { readonly key: string | null; readonly loss: number } = { key: null, loss: lossOf(metrics) };
    for (const [key, { manifest }] of this.#saves) {
      const isEarlier = step !== null && manifest.step !== null && manifest.step < step;
      const loss = lossOf(manifest.metrics);
      if (isEarlier && !damaged.includes(key) && (loss < best.loss || (loss === best.loss && best.key !== null)))
        best = { key, loss };
    }
    return best.key;
  }

  /** Those of the keys that can be named: from now on no prune under way deletes them. */
  name(keys: readonly string[]): readonly string[] {
    const known = Array.from(new Set(keys)).filter((key) => this.#saves.has(key));
    for (const key of known) this.#named.add(key);
    return known;
  }

  /** The manifest behind a key; null when it is not known. */
  manifestOf(key: string): Manifest | null {
    return this.#saves.get(key)?.manifest ?? null;
  }

  /** A prune begins, and will see all that was committed before. */
  pruneBegins(): void {
    this.#named.clear();
    if (!this.#isListing) this.#released.clear();
  }

  /** Whether a prune may delete this manifest. If so it can't be named any more. */
  release(key: string): boolean {
    if (this.#named.has(key) || this.#mayLieOnDisk(key)) return false;
    this.#saves.delete(key);
    this.#released.add(key);
    return true;
  }

  /** Whether what lies in the folder stays in the bucket: the script's own retention keeps it, or has not shown yet. */
  get #keepsWhatLies(): boolean {
    const { length } = this.#onDisk;
    return length > 1 && (this.#ownRetention || length <= UNDECIDED_SAVES);
  }

  #mayLieOnDisk(key: string): boolean {
    if (!this.#keepsWhatLies) return false;
    const save = this.#saves.get(key);
    if (save === undefined) return !this.#isComplete;
    return this.#onDisk.some((candidate) => isSaveOf(save, candidate) && this.heldBy(candidate) === key);
  }
}

function isSaveOf({ manifest, savedAtMs, sizes }: KnownSave, candidate: Candidate): boolean {
  return (
    isSave(candidate, { step: manifest.step, savedAtMs }) &&
    candidate.files.every(({ path, sizeBytes }) => sizes.get(path) === sizeBytes)
  );
}

function isEarlier({ step }: Candidate, than: Candidate): boolean {
  return step !== null && than.step !== null && step < than.step;
}

function bearsStep({ files }: Candidate): boolean {
  return files.some(({ path }) => stepEntryOf(path) !== null);
}
