import { open } from 'node:fs/promises';
import type { Clock } from '@runctl/core';

export interface FilePiece {
  readonly offset: number;
  readonly bytes: Buffer;
}

const PIECE_BYTES = 256 * 1024;
const POLL_MS = 250;

/** The bytes of a growing file from an offset on, until the signal fires. A file that does not exist yet is waited for. */
export async function* followFile(
  path: string,
  { fromOffset, clock, signal }: { readonly fromOffset: number; readonly clock: Clock; readonly signal: AbortSignal },
): AsyncIterable<FilePiece> {
  let offset = fromOffset;
  while (!signal.aborted) {
    const bytes = await readAt(path, offset);
    if (bytes.length > 0) {
      yield { offset, bytes };
      offset += bytes.length;
    }
    if (bytes.length < PIECE_BYTES) await clock.sleep(POLL_MS, signal).catch(() => {});
  }
}

async function readAt(path: string, offset: number): Promise<Buffer> {
  const file = await open(path, 'r').catch(() => null);
  if (file === null) return Buffer.alloc(0);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(PIECE_BYTES), 0, PIECE_BYTES, offset);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
