import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { platform } from 'node:os';
import { join } from 'node:path';
import { inParallel, messageOf } from '@runctl/core';
import type { FileSeen } from '../contract/recogniser.ts';
import type { PassedOver } from '../contract/passed-over.ts';
import { fileSeen, fingerprintOf, isGone } from './scan.ts';
import type { FileBytes } from '../formats/structure.ts';

export interface HeldFile extends FileBytes {
  /** The file as the look found it that it was opened after. */
  readonly version: FileSeen;
  /** Path that leads to the open file even after its own is gone. */
  readonly openPath: string;
}

/** Files of a candidate held open, so that a rotation by the script can't take them away in the middle of an upload. */
export interface HeldFiles extends AsyncDisposable {
  readonly files: readonly HeldFile[];
  /** Optional ones that are there and can't be opened. */
  readonly forbidden: readonly PassedOver[];
  /** Paths of the files whose size or time of writing differs from when they were seen. */
  changed(): Promise<ReadonlySet<string>>;
}

const OPEN_AT_ONCE = 16;
const OWN_DESCRIPTORS = platform() === 'linux' ? '/proc/self/fd' : '/dev/fd';

/** Why files could not be held. `forbidden`: one is there and can't be opened (no right to, too many are open already). */
interface NotHeld {
  readonly path: string;
  readonly problem: string;
  readonly forbidden: boolean;
}

type OpenFile = { readonly version: FileSeen; readonly handle: FileHandle };

/**
 * Opens files as they were seen. A required one that has changed, vanished or can't be read is a problem; an optional one
 * is left out then.
 */
export async function holdFiles(
  folder: string,
  required: readonly FileSeen[],
  optional: readonly FileSeen[] = [],
): Promise<{ readonly held: HeldFiles } | NotHeld> {
  const opened = await inParallel([...required, ...optional], { concurrency: OPEN_AT_ONCE }, (version) =>
    openAsSeen(folder, version),
  );
  const forbidden = opened
    .filter((each) => 'problem' in each)
    .flatMap(({ path, problem: why, ...each }) => (each.forbidden ? [{ path, why }] : []));
  const held = heldFiles(
    opened.filter((each) => 'handle' in each),
    forbidden,
  );
  const problem = opened.slice(0, required.length).find((each) => 'problem' in each);
  if (problem === undefined) return { held };
  await held[Symbol.asyncDispose]();
  return problem;
}

async function openAsSeen(folder: string, version: FileSeen): Promise<OpenFile | NotHeld> {
  try {
    // Non-blocking, since a FIFO may have taken the place of the file.
    const handle = await open(join(folder, version.path), constants.O_RDONLY | constants.O_NONBLOCK);
    if (await isAsSeen(handle, version)) return { version, handle };
    await handle.close();
    return { path: version.path, problem: 'changed while being looked at', forbidden: false };
  } catch (error) {
    return { path: version.path, problem: `can't be read: ${messageOf(error)}`, forbidden: !isGone(error) };
  }
}

async function isAsSeen(handle: FileHandle, version: FileSeen): Promise<boolean> {
  return fingerprintOf(fileSeen(version.path, await handle.stat({ bigint: true }))) === fingerprintOf(version);
}

function heldFiles(handles: readonly OpenFile[], forbidden: readonly PassedOver[]): HeldFiles {
  return {
    forbidden,
    files: handles
      .map(({ version, handle }) => heldFile(version, handle))
      .sort((a, b) => (a.version.path < b.version.path ? -1 : 1)),
    changed: async () => {
      const paths = new Set<string>();
      for (const { version, handle } of handles) if (!(await isAsSeen(handle, version))) paths.add(version.path);
      return paths;
    },
    [Symbol.asyncDispose]: async () => {
      for (const { handle } of handles) await handle.close();
    },
  };
}

function heldFile(version: FileSeen, handle: FileHandle): HeldFile {
  return {
    version,
    openPath: `${OWN_DESCRIPTORS}/${handle.fd}`,
    sizeBytes: version.sizeBytes,
    read: async (start, length) => {
      const buffer = Buffer.allocUnsafe(Math.max(0, Math.min(length, version.sizeBytes - start)));
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
