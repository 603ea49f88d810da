import { chmod, mkdir, open, rm, stat, truncate } from 'node:fs/promises';
import { dirname } from 'node:path';
import { messageOf, retry, type RetryPolicy } from '@runctl/core';
import type { ManifestFile } from '@runctl/protocol';
import { crc32Of, getToFile, type GridPart, type FetchedPart, isStoreError, partGrid } from '@runctl/store';
import { unlessGone } from '../look/scan.ts';
import type { RestoreOptions } from '../contract/restore-port.ts';

/** A file of a manifest is missing in the bucket or does not hold what the manifest says. */
export class DamagedFile extends Error {}

const DOWNLOAD_RETRY: RetryPolicy = { attempts: 4, baseMs: 200, maxMs: 5000 };

export interface FetchOptions extends Pick<RestoreOptions, 'store' | 'clock' | 'signal'> {
  /** Bytes that are there and verified; negative where some have to come again. */
  readonly advance: (bytes: number) => void;
}

/**
 * Brings a file of a manifest to `target`: each part is held against its own checksum as it arrives, and one that stands there
 * already from an earlier try is not fetched again. A part that is wrong is fetched once more, for the network may have
 * done it. Rejects with DamagedFile when the bucket can't deliver.
 */
export async function fetchFile(file: ManifestFile, target: string, options: FetchOptions): Promise<void> {
  try {
    await bring(file, target, options);
  } catch (error) {
    throw await accountOf(error, file, target);
  }
}

async function bring(file: ManifestFile, target: string, options: FetchOptions): Promise<void> {
  const { store, clock, signal, advance } = options;
  await mkdir(dirname(target), { recursive: true });
  const there = await standingParts(file, target, signal);
  const verified = new Map(there ?? []);
  for (const { sizeBytes } of verified.values()) advance(sizeBytes);
  const { length } = partGrid(file.sizeBytes, file.partSizeBytes).parts;
  if (verified.size === length) return chmod(target, file.mode);
  let exists = there !== null;
  const fetchMissing = async (): Promise<void> => {
    const info = await store.head(file.key, { signal });
    if (info === null) throw new DamagedFile(`${file.key} is missing`);
    if (info.sizeBytes !== file.sizeBytes)
      throw new DamagedFile(`${file.key} should have ${file.sizeBytes} bytes and has ${info.sizeBytes}`);
    const onPart = async (part: FetchedPart): Promise<void> => {
      if (part.crc32 !== file.partCrc32[part.partNumber - 1]) throw new WrongPart(part.partNumber);
      verified.set(part.partNumber, part);
      advance(part.sizeBytes);
    };
    const known = exists ? { known: new Map(verified) } : {};
    exists = true;
    await getToFile(store, {
      key: file.key,
      path: target,
      signal,
      info,
      onPart,
      ...known,
      partSizeBytes: file.partSizeBytes,
    });
  };
  const policy = { policy: DOWNLOAD_RETRY, clock, signal };
  const patiently = () => retry(fetchMissing, { ...policy, retryable: (error) => isStoreError(error, 'transient') });
  await patiently().catch((error: unknown) => {
    if (error instanceof WrongPart) return patiently();
    throw error;
  });
  await chmod(target, file.mode);
}

/** The bytes that came are not those that the manifest has the hash of. */
class WrongPart extends Error {
  readonly partNumber: number;

  constructor(partNumber: number) {
    super(`part ${partNumber} is wrong`);
    this.partNumber = partNumber;
  }
}

async function accountOf(error: unknown, file: ManifestFile, target: string): Promise<unknown> {
  if (isStoreError(error, 'missing')) return new DamagedFile(`${file.key} is missing`);
  if (isUnholdable(error)) return new DamagedFile(`this machine can't hold ${file.path}: ${messageOf(error)}`);
  if (!(error instanceof WrongPart)) return error;
  await rm(target, { force: true });
  const { partNumber } = error;
  const where = file.partCrc32.length === 1 ? '' : ` in part ${partNumber} of ${file.partCrc32.length}`;
  return new DamagedFile(`${file.key} does not hold the content that was saved (crc32${where})`);
}

/** The file system of this machine takes no such name, whereas that of the machine that saved it did. */
function isUnholdable(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException | null)?.code;
  return code === 'ENAMETOOLONG' || code === 'EILSEQ' || code === 'EINVAL';
}

/** The parts of what an earlier try has left that are right; null when there is no file that can be gone on with. */
async function standingParts(
  file: ManifestFile,
  target: string,
  signal: AbortSignal,
): Promise<ReadonlyMap<number, FetchedPart> | null> {
  const found = await unlessGone(stat(target));
  if (found === null) return null;
  if (!found.isFile()) {
    await rm(target, { recursive: true, force: true });
    return null;
  }
  if (found.size > file.sizeBytes) await truncate(target, file.sizeBytes);
  const parts = new Map<number, FetchedPart>();
  const handle = await open(target, 'r');
  try {
    const buffer = Buffer.allocUnsafe(Math.min(file.partSizeBytes, found.size));
    for (const part of partGrid(file.sizeBytes, file.partSizeBytes).parts) {
      signal.throwIfAborted();
      const standing = await readPart(handle, part, buffer);
      if (standing !== null && standing.crc32 === file.partCrc32[part.partNumber - 1])
        parts.set(part.partNumber, standing);
    }
    return parts;
  } finally {
    await handle.close();
  }
}

async function readPart(
  file: Awaited<ReturnType<typeof open>>,
  { partNumber, start, end }: GridPart,
  buffer: Buffer,
): Promise<FetchedPart | null> {
  const wanted = end - start;
  if (wanted > buffer.byteLength) return null;
  let filled = 0;
  while (filled < wanted) {
    const { bytesRead } = await file.read(buffer, filled, wanted - filled, start + filled);
    if (bytesRead === 0) return null;
    filled += bytesRead;
  }
  return { partNumber, sizeBytes: wanted, crc32: crc32Of(buffer.subarray(0, wanted)) };
}
