import { randomBytes } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { encodeCrc32 } from '../port/crc32.ts';
import type { ByteRange } from '../port/object-store.ts';

/**
 * An object's file is its bytes and a trailer: magic, CRC-32, number of parts (0 for a plain put), 16 random bytes. One
 * rename therefore replaces bytes and etag together, and whoever has the file open has both of one version.
 */
const MAGIC = 'rso1';
const TRAILER_BYTES = 4 + 4 + 4 + 16;
const CHUNK_BYTES = 256 * 1024;

export interface StoredFile {
  readonly file: FileHandle;
  readonly sizeBytes: number;
  readonly etag: string;
  readonly crc32: string;
  readonly lastModifiedMs: number;
}

/** Opens an object's file for reading; null when there is none. The caller closes it. */
export async function openStored(path: string): Promise<StoredFile | null> {
  let file: FileHandle;
  try {
    file = await open(path, 'r');
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
  try {
    const { size, mtimeMs } = await file.stat();
    const trailer = Buffer.alloc(TRAILER_BYTES);
    const sizeBytes = size - TRAILER_BYTES;
    if (sizeBytes >= 0) await file.read(trailer, 0, TRAILER_BYTES, sizeBytes);
    if (trailer.toString('latin1', 0, 4) !== MAGIC) throw new Error(`${path} is not a stored object`);
    const parts = trailer.readUInt32BE(8);
    const version = trailer.toString('hex', 12);
    return {
      file,
      sizeBytes,
      etag: parts === 0 ? version : `${version}-${parts}`,
      crc32: encodeCrc32(trailer.readUInt32BE(4)),
      lastModifiedMs: Math.round(mtimeMs),
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Writes a whole new object file; on failure the caller removes what is left of it. */
export async function writeStored(
  path: string,
  chunks: AsyncIterable<Uint8Array>,
  options: { readonly parts: number; readonly sync: boolean },
): Promise<{ readonly etag: string; readonly crc32: string; readonly sizeBytes: number }> {
  const file = await open(path, 'wx');
  try {
    let checksum = 0;
    let sizeBytes = 0;
    for await (const chunk of chunks) {
      await file.appendFile(chunk);
      checksum = crc32(chunk, checksum);
      sizeBytes += chunk.byteLength;
    }
    const version = randomBytes(16);
    const numbers = Buffer.alloc(8);
    numbers.writeUInt32BE(checksum, 0);
    numbers.writeUInt32BE(options.parts, 4);
    await file.appendFile(Buffer.concat([Buffer.from(MAGIC, 'latin1'), numbers, version]));
    if (options.sync) await file.datasync();
    const etag = options.parts === 0 ? version.toString('hex') : `${version.toString('hex')}-${options.parts}`;
    return { etag, crc32: encodeCrc32(checksum), sizeBytes };
  } finally {
    await file.close();
  }
}

/** The bytes of a range; closes the file at the end, on failure, and when the reader leaves. */
export async function* readStored({ file }: StoredFile, { start, end }: ByteRange): AsyncIterable<Uint8Array> {
  try {
    for (let position = start; position < end;) {
      const chunk = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, end - position));
      const { bytesRead } = await file.read(chunk, 0, chunk.byteLength, position);
      if (bytesRead === 0) throw new Error(`the file ended at ${position}, before ${end}`);
      position += bytesRead;
      yield chunk.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}

export function isMissing(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ENOTDIR';
}
