import { isStoreError, type LeftUpload, type ObjectStore, type PartInfo } from '@runctl/store';
import type { FolderSightings } from '../look/folder-sightings.ts';
import type { DataPlace, DataPlaces } from './data-places.ts';
import type { FileUploads } from './file-uploads.ts';
import type { UploadJournal } from '../contract/upload-journal.ts';
import { type JournalledUpload, resumable } from './upload-journal.ts';

export interface ResumeOptions {
  readonly store: ObjectStore;
  readonly journal: UploadJournal;
  readonly places: DataPlaces;
  readonly uploads: FileUploads;
  readonly generation: number;
  /** Of the checkpoint folder, with what is unfinished in it. */
  readonly sightings: FolderSightings;
  readonly signal: AbortSignal;
}

/**
 * Takes up what an agent left on this machine: of each upload whose file is still there, the noted parts that the store
 * confirms, and those that the store has beside them, sent before they could be noted. The other uploads are aborted. Rejects as the store does, and can be called again then.
 */
export async function resumeUploads(options: ResumeOptions): Promise<void> {
  const { generation, journal, places, sightings, signal, store } = options;
  await sightings.look();
  const known = resumable(await journal.read());
  const own = known.places.filter((place) => place.generation === generation);
  const byFolder = new Map(own.map((place) => [place.folder, places.resume(place.folder, place.step)]));
  for (const each of known.uploads) {
    const place = byFolder.get(each.file.folder) ?? null;
    if (place !== null && (await isTakenUp(each, { ...options, place }))) continue;
    await store.abortMultipart(each.upload, { signal });
    await journal.append({ type: 'closed', uploadId: each.upload.uploadId });
  }
  await abortUnknown(new Set(byFolder.keys()), options);
  await shorten(journal, generation);
}

/** A file that is not where it was seen gets a second look: a script that finishes it renames it, at any moment. */
async function isTakenUp(
  journalled: JournalledUpload,
  options: ResumeOptions & { readonly place: DataPlace },
): Promise<boolean> {
  const { place, sightings, signal, store, uploads } = options;
  for (const look of [() => Promise.resolve(), () => sightings.look()]) {
    await look();
    const version = sightings.ofInode(journalled.file.inode)?.file;
    if (version === undefined) continue;
    const confirmed = await confirmedBy(store, journalled, signal);
    if (confirmed === null) return false;
    if (await uploads.takeUp(confirmed, version, place)) return true;
  }
  return false;
}

/** With the parts that the store has, as they were noted or not; null when it does not know the upload any more. */
async function confirmedBy(
  store: ObjectStore,
  journalled: JournalledUpload,
  signal: AbortSignal,
): Promise<(JournalledUpload & LeftUpload) | null> {
  const stored = new Map<number, PartInfo>();
  try {
    for await (const part of store.listParts(journalled.upload, { signal })) stored.set(part.partNumber, part);
  } catch (error) {
    if (isStoreError(error, 'missing')) return null;
    throw error;
  }
  const parts = journalled.parts.filter(({ partNumber, sizeBytes, etag }) => {
    const there = stored.get(partNumber);
    return there?.sizeBytes === sizeBytes && there.etag === etag;
  });
  for (const { partNumber } of parts) stored.delete(partNumber);
  return { ...journalled, parts, unnoted: Array.from(stored.values()) };
}

/** Uploads below our own places that the journal does not name: the agent died between opening and noting them. */
async function abortUnknown(folders: ReadonlySet<string>, { journal, signal, store }: ResumeOptions): Promise<void> {
  const known = new Set(resumable(await journal.read()).uploads.map(({ upload }) => upload.uploadId));
  for (const prefix of folders)
    for await (const upload of store.listMultipart({ prefix, signal }))
      if (!known.has(upload.uploadId)) await store.abortMultipart(upload, { signal });
}

/** To what is still on its way. */
async function shorten(journal: UploadJournal, generation: number): Promise<void> {
  const { places, uploads } = resumable(await journal.read());
  await journal.replace([
    ...places.filter((place) => place.generation === generation).map((place) => ({ type: 'place' as const, place })),
    ...uploads.flatMap(({ upload, file, parts }) => [
      { type: 'opened' as const, upload, file },
      ...parts.map((part) => ({ type: 'sent' as const, uploadId: upload.uploadId, part })),
    ]),
  ]);
}
