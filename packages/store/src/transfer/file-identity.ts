import { type FileHandle, stat } from 'node:fs/promises';

/** What tells that a path still names the same, unchanged file. */
export interface FileIdentity {
  readonly inode: bigint;
  readonly sizeBytes: number;
  readonly modifiedNs: bigint;
}

/** Null when there is no such file. */
export async function identityOf(file: FileHandle | string): Promise<FileIdentity | null> {
  try {
    const stats = typeof file === 'string' ? await stat(file, { bigint: true }) : await file.stat({ bigint: true });
    return { inode: stats.ino, sizeBytes: Number(stats.size), modifiedNs: stats.mtimeNs };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

export function sameFile(a: FileIdentity | null, b: FileIdentity | null): boolean {
  if (a === null || b === null) return false;
  return a.inode === b.inode && a.sizeBytes === b.sizeBytes && a.modifiedNs === b.modifiedNs;
}

/** The file shrank, grew or was replaced while it was read, so what was read is no version of it. */
export class FileChangedError extends Error {
  readonly path: string;
  readonly before: FileIdentity;
  readonly after: FileIdentity | null;

  constructor(path: string, before: FileIdentity, after: FileIdentity | null) {
    super(`${path} changed while it was read (${before.sizeBytes} bytes, then ${after?.sizeBytes ?? 'gone'})`);
    this.name = 'FileChangedError';
    this.path = path;
    this.before = before;
    this.after = after;
  }
}
