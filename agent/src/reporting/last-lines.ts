import { open } from 'node:fs/promises';

const TAIL_BYTES = 16 * 1024;

/** The last lines of a file from an offset on, without empty ones. Never rejects: a file that can't be read has none. */
export async function lastLines(path: string, fromOffset: number): Promise<readonly string[]> {
  try {
    await using file = await open(path);
    const { size } = await file.stat();
    const from = Math.max(fromOffset, size - TAIL_BYTES);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(Math.max(0, size - from)), 0, undefined, from);
    const lines = buffer.toString('utf8', 0, bytesRead).split(/\n|\r(?!\n)/);
    return lines.filter((line) => line.trim() !== '');
  } catch {
    return [];
  }
}
