import { appendFile, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { MultipartUpload, SentPart, PartUploadEvent } from '@runctl/store';
import type { JournalEntry, JournalledFile, JournalledPlace, UploadJournal } from '../contract/upload-journal.ts';

/** Remembers for as long as it lives itself. */
export function memoryUploadJournal(): UploadJournal {
  let entries: JournalEntry[] = [];
  return {
    read: () => Promise.resolve([...entries]),
    append: (entry) => Promise.resolve(void entries.push(entry)),
    replace: (others) => Promise.resolve(void (entries = [...others])),
  };
}

/**
 * One JSON line an entry, appended without sync: it outlives the process, and after the machine nobody reads it. A line
 * that a crash cut off is passed over. A disk that is full costs the resuming of an upload, never the upload: failures to
 * write are told to `onFailure` and to nobody else.
 */
export function fileUploadJournal(path: string, onFailure: (error: unknown) => void): UploadJournal {
  let writing: Promise<void> = Promise.resolve();
  const inTurn = (write: () => Promise<void>): Promise<void> => (writing = writing.then(write).catch(onFailure));
  return {
    read: async () => {
      const text = await readFile(path, 'utf8').catch(() => '');
      return text.split('\n').flatMap((line) => entryIn(line) ?? []);
    },
    append: (entry) =>
      inTurn(async () => {
        await mkdir(dirname(path), { recursive: true });
        // In front, since a crash may have cut the last line off.
        await appendFile(path, `\n${JSON.stringify(entry)}`, { mode: 0o600 });
      }),
    replace: (entries) =>
      inTurn(async () => {
        await mkdir(dirname(path), { recursive: true });
        await writeFile(`${path}.tmp`, entries.map((entry) => `\n${JSON.stringify(entry)}`).join(''), { mode: 0o600 });
        await rename(`${path}.tmp`, path);
      }),
  };
}

function entryIn(line: string): JournalEntry | null {
  try {
    return JSON.parse(line) as JournalEntry | null;
  } catch {
    return null; // cut off by a crash, and followed by whole lines since
  }
}

export interface JournalledUpload {
  readonly upload: MultipartUpload;
  readonly file: JournalledFile;
  readonly parts: readonly SentPart[];
}

/** What the entries amount to: places in the order they were set aside, and uploads that were not closed. */
export function resumable(entries: readonly JournalEntry[]): {
  readonly places: readonly JournalledPlace[];
  readonly uploads: readonly JournalledUpload[];
} {
  const places: JournalledPlace[] = [];
  const open = new Map<string, JournalledUpload & { readonly byNumber: Map<number, SentPart> }>();
  for (const entry of entries) {
    if (entry.type === 'place') places.push(entry.place);
    if (entry.type === 'opened')
      open.set(entry.upload.uploadId, { upload: entry.upload, file: entry.file, parts: [], byNumber: new Map() });
    if (entry.type === 'sent') open.get(entry.uploadId)?.byNumber.set(entry.part.partNumber, entry.part);
    if (entry.type === 'closed') open.delete(entry.uploadId);
  }
  const uploads = Array.from(open.values(), ({ upload, file, byNumber }) => ({
    upload,
    file,
    parts: Array.from(byNumber.values()),
  }));
  return { places, uploads };
}

/** The entry for something that happened to the upload of a file. */
export function entryOf(event: PartUploadEvent, file: JournalledFile): JournalEntry {
  const { upload } = event;
  if (event.type === 'opened') return { type: 'opened', upload, file };
  if (event.type === 'sent') return { type: 'sent', uploadId: upload.uploadId, part: event.part };
  return { type: 'closed', uploadId: upload.uploadId };
}
