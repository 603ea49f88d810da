import { Lanes } from '@runctl/store';
import type { PublisherOptions } from '../contract/publisher-port.ts';
import { Ledger } from '../ledger/ledger.ts';
import { FolderLook } from '../look/folder-look.ts';
import { FolderSightings } from '../look/folder-sightings.ts';
import { GrowingUploads } from '../upload/growing-uploads.ts';
import { DurableHere } from './durable-here.ts';

/**
 * All that is remembered between the passes over one checkpoint folder. Each part alone changes what it remembers. It
 * only saves work: the bucket is the authority, and a new instance begins with what it says.
 */
export interface FolderMemory {
  /** What the looks have shown of each file. */
  readonly sightings: FolderSightings;
  /** Which files the last published candidate had. */
  readonly look: FolderLook;
  /** Which files here are durable, and which are older than those. */
  readonly durable: DurableHere;
  /** The committed manifest, and the numbers that are taken. */
  readonly ledger: Ledger;
  /** The bytes that are on their way, and where they are kept. */
  readonly growing: GrowingUploads;
  /** The rate of sending. */
  readonly lanes: Lanes;
}

export function createFolderMemory(options: PublisherOptions): FolderMemory {
  const lanes = options.lanes ?? new Lanes({ clock: options.clock });
  const sightings = new FolderSightings(options);
  const ledger = new Ledger();
  return {
    sightings,
    look: new FolderLook(options, sightings),
    durable: new DurableHere(options.run),
    ledger,
    growing: new GrowingUploads({ ...options, lanes, ledger, sightings }),
    lanes,
  };
}
