import type { CheckpointOrder } from '@runctl/protocol';
import type { MultipartUpload, SentPart } from '@runctl/store';

/** A data folder that was set aside for a checkpoint in the making. */
export interface JournalledPlace extends CheckpointOrder {
  readonly folder: string;
  readonly step: number | null;
}

/** Which file an upload carries: found again by inode, since it may be renamed. */
export interface JournalledFile {
  readonly inode: string;
  readonly path: string;
  readonly folder: string;
  readonly partSizeBytes: number;
}

export type JournalEntry =
  | { readonly type: 'place'; readonly place: JournalledPlace }
  | { readonly type: 'opened'; readonly upload: MultipartUpload; readonly file: JournalledFile }
  | { readonly type: 'sent'; readonly uploadId: string; readonly part: SentPart }
  | { readonly type: 'closed'; readonly uploadId: string };

/**
 * What an agent that starts again on this machine must know about uploads on their way. Entries are appended one by one;
 * losing the newest ones at worst means that their parts are sent again. It need not survive the machine.
 */
export interface UploadJournal {
  /** Entries that were appended and not replaced, as far as they can be read. */
  read(): Promise<readonly JournalEntry[]>;
  append(entry: JournalEntry): Promise<void>;
  /** Puts these in place of all entries, or leaves all as they were. */
  replace(entries: readonly JournalEntry[]): Promise<void>;
}
