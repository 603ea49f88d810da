import type { ObjectStore } from '@runctl/store';
import type { Clock, Log } from '@runctl/core';
import type { PassedOver } from './passed-over.ts';

/** Where kept output has files of the checkpoint folder that are part of no whole checkpoint. */
export const UNPROVEN_FOLDER = 'runctl-unproven-saves';

export interface OutputFolderOptions {
  readonly store: ObjectStore;
  readonly run: string;
  /** Absolute. */
  readonly folder: string;
  /** Absolute; what lies below it is no output. */
  readonly checkpointFolder: string;
  readonly clock: Clock;
  readonly log: Log;
  /** A file that has not changed for this long counts as still. */
  readonly settleMs: number;
  readonly mayPublish: () => { readonly generation: number } | null;
  /** Who shall own what is put back; left out: whoever does it. */
  readonly owner?: { readonly uid: number; readonly gid: number };
}

export interface OutputPass {
  readonly signal: AbortSignal;
  /** The workload has ended: whatever is on the disk is taken. */
  readonly ended: boolean;
  /** Called whenever the bucket has some more of it for good. */
  readonly onKept?: () => void;
}

/** What one pass over the output folder has come to. */
export interface OutputReport {
  /** What the bucket has of the folder; files below `UNPROVEN_FOLDER` don't count. */
  readonly kept: { readonly files: number; readonly sizeBytes: number };
  readonly sentFiles: number;
  /** Files that changed and are not in the bucket as they are now, each with why. */
  readonly waiting: readonly PassedOver[];
  /** What no pass will ever keep, with why. */
  readonly unkept: readonly PassedOver[];
}

/** Files of the checkpoint folder that are part of no whole checkpoint. */
export interface UnprovenFiles {
  /** Absolute. */
  readonly folder: string;
  /** Files and folders in it, relative to it; `.` is the folder itself. */
  readonly entries: readonly string[];
  readonly signal: AbortSignal;
  /** As in `OutputPass`. */
  readonly onKept?: () => void;
}

export interface OutputRestore {
  readonly signal: AbortSignal;
  readonly onProgress?: (progress: { readonly doneBytes: number; readonly totalBytes: number }) => void;
}

/** Keeps one folder of a run in the bucket beside its checkpoints, and brings it back. */
export interface OutputFolder {
  /**
   * Sends what has changed and is still. Never rejects for a file that changes or vanishes; rejects with PublishingRefused where
   * this machine may not publish, as the store does, and with the signal's reason. What was sent before stays kept.
   */
  pass(options: OutputPass): Promise<OutputReport>;
  /**
   * Keeps files of another folder as they are now, below `UNPROVEN_FOLDER`. They are never put back. Rejects as `pass` does.
   */
  keepUnproven(files: UnprovenFiles): Promise<OutputReport>;
  /** Puts back what the bucket has. Returns warnings, for people. Rejects as the store does. Only while no workload runs. */
  restore(options: OutputRestore): Promise<readonly string[]>;
}
