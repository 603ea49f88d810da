import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { platform } from 'node:os';
import { join } from 'node:path';
import { mapConcurrently } from '../concurrency.ts';
import type { FileSeen } from '../recognise/recogniser.ts';
import { fileSeen, fingerprintOf, isGone } from '../recognise/scan.ts';
import type { FileBytes } from '../recognise/structure.ts';

export interface HeldFile extends FileBytes {
  readonly seen: FileSeen;
  /** Path that leads to the open file even after its own is gone. */
  readonly openPath: string;
}

/** Files of a candidate held open, so that a rotation by the script can't take them away in the middle of an upload. */
export interface HeldFiles extends AsyncDisposable {
  readonly files: readonly HeldFile[];
  /** The first file whose inode, size or time of writing differs from when it was seen, or null. */
  changed(): Promise<string | null>;
}

const OPEN_AT_ONCE = 16;
const OWN_DESCRIPTORS = platform() === 'linux' ? '/proc/self/fd' : '/dev/fd';

/** Opens files as they were seen. Null with the path of the first that has changed or vanished since. */
export async function holdFiles(
  folder: string,
  files: readonly FileSeen[],
): Promise<{ readonly held: HeldFiles } | { readonly changed: string }> {
  const handles: { readonly seen: FileSeen; readonly handle: FileHandle }[] = [];
  const held = heldFiles(handles);
  try {
    await mapConcurrently(files, OPEN_AT_ONCE, async (seen) => {
      // Non-blocking, since a FIFO may have taken the place of the file.
      const handle = await open(join(folder, seen.path), constants.O_RDONLY | constants.O_NONBLOCK);
      handles.push({ seen, handle });
    });
  } catch (error) {
    await held[Symbol.asyncDispose]();
    if (isGone(error)) return { changed: 'a file that has vanished' };
    throw error;
  }
  const changed = await held.changed();
  if (changed === null) return { held: heldFiles(handles) };
  await held[Symbol.asyncDispose]();
  return { changed };
}

function heldFiles(handles: readonly { readonly seen: FileSeen; readonly handle: FileHandle }[]): HeldFiles {
  return {
    files: handles
      .map(({ seen, handle }) => heldFile(seen, handle))
      .sort((a, b) => (a.seen.path < b.seen.path ? -1 : 1)),
    changed: async () => {
      for (const { seen, handle } of handles) {
        const now = fileSeen(seen.path, await handle.stat({ bigint: true }));
        if (fingerprintOf(now) !== fingerprintOf(seen)) return seen.path;
      }
      return null;
    },
    [Symbol.asyncDispose]: async () => {
      for (const { handle } of handles) await handle.close();
    },
  };
}

function heldFile(seen: FileSeen, handle: FileHandle): HeldFile {
  return {
    seen,
    openPath: `${OWN_DESCRIPTORS}/${handle.fd}`,
    sizeBytes: seen.sizeBytes,
    read: async (start, length) => {
      const buffer = Buffer.allocUnsafe(Math.max(0, Math.min(length, seen.sizeBytes - start)));
      let filled = 0;
      while (filled < buffer.length) {
        const { bytesRead } = await handle.read(buffer, filled, buffer.length - filled, start + filled);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
      return buffer.subarray(0, filled);
    },
  };
}
