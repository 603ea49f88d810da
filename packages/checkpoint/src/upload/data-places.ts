import { newNonce } from '@runctl/core';
import { type CheckpointOrder, compareOrder, parseDataKey, runKeys } from '@runctl/protocol';
import type { BucketAccess } from '../ledger/commit.ts';
import type { Ledger, Standing } from '../ledger/ledger.ts';
import { likelyFinalPath } from './likely-name.ts';
import type { UploadJournal } from '../contract/upload-journal.ts';

/**
 * A data folder for one checkpoint, with its number, set aside before it is known whether that checkpoint ever comes. S3
 * can't rename, so what is uploaded while it grows must be where it will stay.
 */
export class DataPlace {
  readonly order: CheckpointOrder;
  /** Ends with `/`. */
  readonly folder: string;
  /** Step of the checkpoint that is being made; null while nothing tells. */
  step: number | null;
  /** A manifest may name what is here, committed or by a request that is still on its way: nothing is taken away any more. */
  spent = false;
  readonly #names = new Set<string>();
  readonly #mark: string;

  /** `mark` ends the name of each new key. */
  constructor(of: Pick<DataPlace, 'order' | 'folder' | 'step'>, mark = '') {
    this.order = of.order;
    this.folder = of.folder;
    this.step = of.step;
    this.#mark = mark;
  }

  /** A key below the folder that is like the path and that no other file has: of a temporary name the likely final one. */
  keyFor(path: string): string {
    const wanted = likelyFinalPath(path) + this.#mark;
    let name = wanted;
    for (let n = 2; this.#names.has(name); n++) name = `${wanted}~${n}`;
    this.#names.add(name);
    return this.folder + name;
  }

  /** For a key that was given out before the agent started again. */
  reserve(key: string): void {
    this.#names.add(key.slice(this.folder.length));
  }
}

export interface PlaceRequest extends BucketAccess {
  readonly generation: number;
  readonly step: number | null;
}

/** Hands out data folders: one for each checkpoint in the making. */
export class DataPlaces {
  readonly #ledger: Ledger;
  readonly #journal: UploadJournal;
  #open: DataPlace[] = [];

  constructor(ledger: Ledger, journal: UploadJournal) {
    this.#ledger = ledger;
    this.#journal = journal;
  }

  /**
   * The place for a file that may become part of the checkpoint of this step. Files without a step go with the newest.
   * A guess: where it turns out wrong the bytes are copied inside the store.
   */
  async forGrowing(request: PlaceRequest): Promise<DataPlace> {
    const own = this.#open.filter(({ order }) => order.generation === request.generation);
    const same = own.findLast((place) => place.step === request.step) ?? own.findLast((place) => place.step === null);
    const place = same ?? (request.step === null ? own.at(-1) : undefined);
    if (place === undefined) return this.#setAside(request, await this.#ledger.read(request));
    place.step ??= request.step;
    return place;
  }

  /**
   * The place for a checkpoint whose files are complete: of `wanted`, the most wanted first, the first that may still be
   * used, else a new one. Its number is higher than that of any checkpoint that was ever committed.
   */
  async forCheckpoint(request: PlaceRequest, wanted: readonly DataPlace[], standing: Standing): Promise<DataPlace> {
    const committed = standing.pointer?.pointer ?? null;
    const usable = wanted.find(
      (place) =>
        this.#open.includes(place) &&
        place.order.generation === request.generation &&
        (committed === null || compareOrder(place.order, committed) > 0),
    );
    return usable ?? this.#setAside(request, standing);
  }

  /** From now on nothing else is put there: a manifest of its number may exist. Older ones can't be used any more either. */
  spend(spent: DataPlace): void {
    spent.spent = true;
    this.#open = this.#open.filter((place) => compareOrder(place.order, spent.order) > 0);
  }

  /** Takes a place over that this machine had set aside before the agent started again. */
  resume(folder: string, step: number | null): DataPlace | null {
    const order = parseDataKey(folder);
    if (order === null) return null;
    // What the dead agent had sent to a key and nobody wrote down may still arrive there.
    const place = new DataPlace(
      { order: { generation: order.generation, seq: order.seq }, folder, step },
      `~${newNonce()}`,
    );
    this.#ledger.noteUsed(place.order);
    this.#open.push(place);
    return place;
  }

  async #setAside(request: PlaceRequest, standing: Standing): Promise<DataPlace> {
    const { run, generation, step } = request;
    const order = await this.#ledger.nextOrder(request, generation, standing);
    const place = new DataPlace({ order, folder: runKeys(run).dataFolder(order, newNonce()), step });
    await this.#journal.append({ type: 'place', place: { ...order, folder: place.folder, step } });
    this.#open.push(place);
    return place;
  }
}
