/** A key has at most 1,024 bytes (S3 user guide, "Naming objects"); the rest is for prefix, run and data folder. */
const MAX_PATH_BYTES = 640;
/** S3's limit of one object that every region has (S3 user guide, "Uploading objects"). */
const MAX_OBJECT_BYTES = 5 * 1024 ** 4;

/**
 * Whether a path stays in the folder that it is meant for, on every system: publishing and restoring must agree on it, or
 * what was published could never come back.
 */
export function isSafePath(path: string): boolean {
  return (
    !/[\\\0]/.test(path) && path.split('/').every((segment) => segment !== '' && segment !== '.' && segment !== '..')
  );
}

/** Why no bucket can hold the file, however often it is tried, as in "`path` …"; null when nothing is in the way. */
export function unkeepable({ path, sizeBytes }: { readonly path: string; readonly sizeBytes: number }): string | null {
  // Where a name was no UTF-8, its decoding put this character.
  if (path.includes('\u{FFFD}')) return "can't be kept: its name is not UTF-8";
  if (!isSafePath(path)) return "can't be kept: its name holds a backslash, which elsewhere separates folders";
  if (Buffer.byteLength(path) > MAX_PATH_BYTES)
    return `can't be kept: its path has ${Buffer.byteLength(path)} bytes, and S3 leaves room for ${MAX_PATH_BYTES}`;
  if (sizeBytes > MAX_OBJECT_BYTES)
    return `can't be kept: it has ${sizeBytes} bytes, and an object ${MAX_OBJECT_BYTES} at most; save it in shards`;
  return null;
}
