import type { FileSeen } from './recogniser.ts';

/** A key has at most 1,024 bytes (S3 user guide, "Naming objects"); the rest is for prefix, run and data folder. */
const MAX_PATH_BYTES = 640;
/** S3's limit of one object that every region has (S3 user guide, "Uploading objects"). */
const MAX_OBJECT_BYTES = 5 * 1024 ** 4;

/** Why no bucket can hold the file, however often it is tried, as in "`path` …"; null when nothing is in the way. */
export function unkeepable({ path, sizeBytes }: Pick<FileSeen, 'path' | 'sizeBytes'>): string | null {
  // Where a name was no UTF-8, its decoding put this character.
  if (path.includes('\u{FFFD}')) return "can't be kept: its name is not UTF-8";
  if (Buffer.byteLength(path) > MAX_PATH_BYTES)
    return `can't be kept: its path has ${Buffer.byteLength(path)} bytes, and S3 leaves room for ${MAX_PATH_BYTES}`;
  if (sizeBytes > MAX_OBJECT_BYTES)
    return `can't be kept: it has ${sizeBytes} bytes, and an object ${MAX_OBJECT_BYTES} at most; save it in shards`;
  return null;
}
