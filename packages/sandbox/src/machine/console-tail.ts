import { open } from 'node:fs/promises';

/** A console may grow as large as the disk: this much of its end is kept in memory. EC2 shows 64 KiB. */
const TAIL_BYTES = 1024 ** 2;

/** The end of a console's file, up to 1 MiB; rejects when there is no file. */
export async function readConsoleTail(path: string): Promise<Buffer> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const start = Math.max(0, size - TAIL_BYTES);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(size - start), 0, size - start, start);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
