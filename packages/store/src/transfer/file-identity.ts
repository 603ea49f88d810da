import { type BigIntStats, stat } from 'node:fs';

/** What tells that a path still names the same, unchanged file. */
export interface FileIdentity {
  readonly inode: bigint;
  readonly sizeBytes: number;
  readonly modifiedNs: bigint;
}

/** Null when there is no such file. */
export function fileIdentityAt(path: string): Promise<FileIdentity | null> {
  return new Promise((resolve, reject) => {
    stat(path, { bigint: true }, (error, stats) => {
      if (error === null) resolve(identityIn(stats));
      else if (error.code === 'ENOENT') resolve(null);
      else reject(error);
    });
  });
}

export function identityIn({ ino, size, mtimeNs }: BigIntStats): FileIdentity {
  return { inode: ino, sizeBytes: Number(size), modifiedNs: mtimeNs };
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
