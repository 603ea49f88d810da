import type { Clock, Log } from '@runctl/core';
import type { LeftBehind, Manifest, ManifestFile } from '@runctl/protocol';
import type { ObjectStore } from '@runctl/store';

export interface RestoreProgress {
  readonly doneBytes: number;
  readonly totalBytes: number;
  readonly step: number | null;
}

export interface RestoreOptions {
  readonly store: ObjectStore;
  readonly run: string;
  /** Absolute path of the checkpoint folder; made if it is missing. */
  readonly folder: string;
  /** Whose version of a file to take where nodes have different ones (default 0). */
  readonly node?: number;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** Files downloaded at the same time (default 4). */
  readonly concurrency?: number;
  readonly onProgress?: (progress: RestoreProgress) => void;
  /** Local files of the same size and sha256 are kept instead of downloaded (default true). */
  readonly allowLocal?: boolean;
  /** Only this checkpoint, and no other in its place. */
  readonly manifestKey?: string;
  /** What stands in the folder beside the checkpoint stays, later and torn saves too: for a person who looks at one. */
  readonly leaveOthers?: boolean;
  /** Who shall own the restored files and the folder: the user that the workload runs as. Left out: whoever restores. */
  readonly owner?: { readonly uid: number; readonly gid: number };
}

export interface RestoredCheckpoint {
  readonly manifest: Manifest;
  readonly manifestKey: string;
  /** Earlier checkpoints of which the script had kept files, which are there again. */
  readonly companions: readonly Manifest[];
  /** What lay in the folder when this was saved and is not there now; null when there is nothing. */
  readonly leftBehind: LeftBehind | null;
  /** Absolute path of what RUNCTL_RESUME_FROM names. */
  readonly entryPath: string;
  /** Fallbacks, repairs and files set aside, for people. */
  readonly warnings: readonly string[];
  /** Keys of newer manifests that could not be used; the publisher wants to know them. */
  readonly rejected: readonly string[];
}

/** A checkpoint downloaded and verified, not yet in place. Files that the folder has already are not in `staging`. */
export interface PrefetchedCheckpoint {
  readonly manifest: Manifest;
  readonly manifestKey: string;
  /** What `latest.json` named when this was fetched; null when the pointer was lost. */
  readonly latestKey: string | null;
  /** Folder that holds the downloaded files; on the checkpoint folder's file system. */
  readonly staging: string;
  /** Earlier checkpoints that `manifest` names, each with the files that are taken from it. */
  readonly companions: readonly { readonly manifest: Manifest; readonly files: readonly ManifestFile[] }[];
  /** Fingerprints of local files that are as the manifests want them, by path. */
  readonly kept: ReadonlyMap<string, string>;
  readonly warnings: readonly string[];
  readonly rejected: readonly string[];
}
