import { type FileHandle, open, readFile, rm } from 'node:fs/promises';
import { crc32Of } from '../../port/crc32.ts';
import type { ObjectInfo } from '../../port/object-store.ts';
import type { FetchedPart } from '../get-file.ts';
import { partGrid } from '../../parts/part-grid.ts';
import { partFileOf } from './part-file.ts';

/** What a download that was cut off has left, and the record that it goes on with. */
export interface DownloadJournal {
  /** Undefined when the part file must be made anew. */
  readonly known: ReadonlyMap<number, FetchedPart> | undefined;
  /** Records a part that stands in the part file. */
  readonly add: (part: FetchedPart) => Promise<void>;
  close(): Promise<void>;
}

interface Version {
  readonly key: string;
  readonly etag: string;
  readonly sizeBytes: number;
  readonly partSizeBytes: number;
}

/**
 * Opens the journal of a target's download. Parts of the same version of the object that are recorded and still hold what
 * was recorded are known: a journal is a hint of what to look at, the bytes themselves decide. Anything else is removed.
 */
export async function openJournal(
  target: string,
  object: ObjectInfo,
  partSizeBytes?: number,
): Promise<DownloadJournal> {
  const places = partFileOf(target);
  const grid = partGrid(object.sizeBytes, partSizeBytes);
  const { key, etag, sizeBytes } = object;
  const version: Version = { key, etag, sizeBytes, partSizeBytes: grid.partSizeBytes };
  const known = await knownParts(places, version);
  if (known === undefined) await Promise.all([rm(places.part, { force: true }), rm(places.journal, { force: true })]);
  const file = await open(places.journal, known === undefined ? 'wx' : 'a');
  if (known === undefined) await file.appendFile(`${JSON.stringify(version)}\n`);
  return {
    known,
    add: (part) => file.appendFile(`${JSON.stringify(part)}\n`),
    close: () => file.close(),
  };
}

async function knownParts(
  places: { readonly part: string; readonly journal: string },
  version: Version,
): Promise<ReadonlyMap<number, FetchedPart> | undefined> {
  let file: FileHandle;
  let lines: unknown[];
  try {
    lines = linesOf(await readFile(places.journal, 'utf8'));
    file = await open(places.part, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const [header, ...recorded] = lines;
    if (JSON.stringify(header) !== JSON.stringify(version)) return undefined;
    const known = new Map<number, FetchedPart>();
    for (const line of recorded) {
      const part = line as Partial<FetchedPart> | null;
      if (typeof part?.partNumber !== 'number') continue;
      const found = await partIn(file, part.partNumber, version);
      if (found !== null && found.crc32 === part.crc32) known.set(found.partNumber, found);
    }
    return known;
  } finally {
    await file.close();
  }
}

/** What can be read of it: the last line of a process that was killed may be cut. */
function linesOf(text: string): unknown[] {
  return text.split('\n').flatMap((line) => {
    try {
      return [JSON.parse(line) as unknown];
    } catch {
      return [];
    }
  });
}

async function partIn(file: FileHandle, partNumber: number, version: Version): Promise<FetchedPart | null> {
  const start = (partNumber - 1) * version.partSizeBytes;
  if (!Number.isInteger(partNumber) || partNumber < 1 || start >= version.sizeBytes) return null;
  const wanted = Math.min(version.partSizeBytes, version.sizeBytes - start);
  const buffer = Buffer.allocUnsafe(wanted);
  const { bytesRead } = await file.read(buffer, 0, wanted, start);
  if (bytesRead !== wanted) return null;
  return { partNumber, sizeBytes: wanted, crc32: crc32Of(buffer) };
}
