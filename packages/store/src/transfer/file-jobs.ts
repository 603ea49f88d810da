/** What a thread is asked to do, each in one go. */
export type FileJob =
  | { readonly kind: 'read'; readonly path: string; readonly mostBytes: number }
  | { readonly kind: 'identity'; readonly path: string }
  | { readonly kind: 'stats'; readonly folder: string; readonly names: readonly string[]; readonly follow: boolean }
  | { readonly kind: 'deliver'; readonly delivery: Delivery };

export interface Delivery {
  /** Their memory is given away. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly target: string;
  /** Real path that the target must stay in. */
  readonly root: string;
  /** Where the file stands until it is whole, beside the target; what stands there is left over and goes. */
  readonly part: string;
  /** Goes too. */
  readonly journal: string;
  readonly modifiedSeconds: number;
}

/** What is needed of a file's stats, or the code of the error that kept it back. */
export type StatLook = readonly [mode: number, sizeBytes: number, modifiedMs: number] | string;

export type Stamp = readonly [inode: bigint, sizeBytes: bigint, modifiedNs: bigint];

export type FileOutcome =
  | { readonly kind: 'read'; readonly before: Stamp; readonly after: Stamp; readonly bytes: Uint8Array | null }
  | { readonly kind: 'identity'; readonly stamp: Stamp | null }
  | { readonly kind: 'stats'; readonly looks: readonly StatLook[] }
  | { readonly kind: 'delivered'; readonly isInside: boolean }
  | { readonly kind: 'failed'; readonly message: string; readonly details: Readonly<Record<string, unknown>> };

export interface BatchAnswer {
  readonly outcomes: readonly FileOutcome[];
  readonly tookMs: number;
  /** A disk, not memory, was read by the process meanwhile. */
  readonly readDisk: boolean;
}
