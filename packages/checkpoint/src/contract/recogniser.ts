/** One regular file below the checkpoint folder, as one look at it found it. */
export interface FileSeen {
  /** Relative to the checkpoint folder, with `/`. A file behind a symlink bears the link's path. */
  readonly path: string;
  readonly sizeBytes: number;
  /** By the machine's wall clock, as are all times of files. */
  readonly mtimeMs: number;
  readonly ctimeMs: number;
  /** `<device>:<inode>`. */
  readonly inode: string;
  /** When the inode was given to this file; left out where the file system does not tell. */
  readonly bornMs?: number;
  readonly mode: number;
}

/** What was found below the checkpoint folder in one look: regular files in order of their paths, nothing that is ignored. */
export interface FolderTree {
  readonly files: readonly FileSeen[];
}

/** Files that belong together and may be one checkpoint. Says nothing yet about whether it is complete, but by `marker`. */
export interface Candidate {
  readonly recogniser: string;
  /** What RUNCTL_RESUME_FROM would name, relative to the checkpoint folder; `.` is the folder itself. */
  readonly entry: string;
  /** Step in the name or in a marker; null when nothing tells it. */
  readonly step: number | null;
  /** The checkpoint's own files: all must be complete, and a change of one makes it another checkpoint. Never empty. */
  readonly files: readonly FileSeen[];
  /** Files that go along when they are complete: pointers, vocabularies, the best model so far. */
  readonly companions: readonly FileSeen[];
  /** Which of its files name which others: one of `companions` goes along only with all that it names. */
  readonly pointers?: readonly PointerNames[];
  /** Pointers that name what is not there, or a later save: their durable version goes along instead. */
  readonly stale?: readonly FileSeen[];
  /** Files beside its own that name it. A later save rewrites them, which does this one no harm. */
  readonly trackers?: readonly Tracker[];
  /** A framework's own sign: `complete: false` keeps the candidate back, `true` takes the place of structure but not of stillness. */
  readonly marker: { readonly complete: boolean; readonly evidence: string } | null;
  /** Set when this looks complete and like the beginning of a longer save as well. */
  readonly doubt?: Doubt;
  /** The framework writes every checkpoint as one file, so that none can be missing beside it. */
  readonly wholeInOneFile?: true;
  /** Why it can't be kept as a whole, however often it is tried: it is reported and never published. */
  readonly unkept?: string;
}

/** A small file that always names the newest save, with the text that belongs to one of them. */
export interface Tracker {
  readonly path: string;
  readonly text: string;
  readonly mode: number;
}

/** A file that names others: "`latest.txt` says `step_20.pt`". */
export interface PointerNames {
  readonly path: string;
  readonly targets: readonly string[];
}

/** Why files may still be coming. A clean end of the workload settles it, a kill never does. */
export interface Doubt {
  readonly why: string;
  /** Complete after all once nothing has moved for this long. */
  readonly stillMs: number;
  /** Settled as well when an earlier checkpoint, which was published, had the same files. */
  readonly shapeSettles: boolean;
}

export interface RecogniseContext {
  /** Text of a small file (64 KiB) of the tree, or null when it is gone, larger or not UTF-8. */
  readText(path: string): string | null;
  /** The first bytes of a file of the tree, all where it is shorter; null when it is gone. At most 8 MiB. */
  readStart(path: string, bytes: number): Buffer | null;
}

/**
 * Knows how one kind of training writes checkpoints. Pure but for what it reads. The first recogniser that
 * returns a candidate decides about the whole folder; `plain` always comes last.
 */
export interface Recogniser {
  readonly name: string;
  recognise(tree: FolderTree, context: RecogniseContext): readonly Candidate[];
}

/**
 * How the workload ended. `clean`: it returned an exit code of its own, and that was 0 or it had been asked to stop, so
 * whatever is on the disk is what it meant to leave. Killed by any signal (SIGTERM without a handler too), or crashed
 * with an exit code nobody asked for: not clean, and a file then counts only if its structure proves it whole or
 * nothing had touched it for a while before `atMs` (wall clock).
 */
export interface WorkloadEnd {
  readonly clean: boolean;
  /** It ended by itself after it was asked to stop: a handler may have ended it while another part of it was writing. */
  readonly asked?: boolean;
  readonly atMs: number;
}

/** Who has files open for writing. */
export interface OpenWriters {
  /** Those of `files` that some process has open for writing, by inode; null when this machine can't tell. */
  among(files: readonly FileSeen[]): Promise<ReadonlySet<string> | null>;
}
