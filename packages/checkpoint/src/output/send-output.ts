import { utimes } from 'node:fs/promises';
import { inParallel } from '@runctl/core';
import type { KeptFile } from '@runctl/protocol';
import { FileChangedError, partGrid, putFile } from '@runctl/store';
import type { PassedOver } from '../contract/passed-over.ts';
import type { FileSeen } from '../contract/recogniser.ts';
import { structureOf } from '../formats/structure.ts';
import type { Publishing } from '../ledger/commit.ts';
import { holdFiles, type HeldFile } from '../look/held-files.ts';

export interface OutputSending extends Publishing {
  readonly folder: string;
  /** Ends with `/`. */
  readonly dataFolder: string;
  /** The workload has ended: files that are cut off are taken as they are. */
  readonly ended: boolean;
}

export interface SentOutput {
  readonly sent: readonly KeptFile[];
  readonly waiting: readonly PassedOver[];
}

const AT_ONCE = 4;

/** Sends files as they were seen; one that changes meanwhile, vanished or is cut off waits. Rejects as the store does. */
export async function sendOutput(files: readonly FileSeen[], sending: OutputSending): Promise<SentOutput> {
  const { signal } = sending;
  const results = await inParallel(files, { concurrency: AT_ONCE, signal }, (file, inner) =>
    sendFile(file, { ...sending, signal: inner }),
  );
  return {
    sent: results.filter((each) => 'key' in each),
    waiting: results.filter((each) => 'why' in each),
  };
}

async function sendFile(seen: FileSeen, sending: OutputSending): Promise<KeptFile | PassedOver> {
  const { path } = seen;
  const opened = await holdFiles(sending.folder, [seen]);
  if ('problem' in opened) return { path, why: opened.problem };
  await using held = opened.held;
  const [file] = held.files;
  if (file === undefined) return { path, why: 'is gone' };
  const { verdict, evidence } = await structureOf(path, file);
  if (verdict === 'torn' && !sending.ended) return { path, why: `is not whole yet: ${evidence}` };
  try {
    const sent = await put(file, sending);
    if ((await held.changed()).size === 0) return sent;
    await sending.store.delete([sent.key], { signal: sending.signal });
    return { path, why: CHANGED };
  } catch (error) {
    if (error instanceof FileChangedError) return { path, why: CHANGED };
    throw error;
  }
}

const CHANGED = 'changed while it was sent';

async function put({ version, openPath }: HeldFile, sending: OutputSending): Promise<KeptFile> {
  const { path, sizeBytes, mode, mtimeMs } = version;
  const key = `${sending.dataFolder}${path}`;
  const { sha256, parts } = await putFile(sending.store, { key, path: openPath, signal: sending.signal });
  return {
    path,
    key,
    sizeBytes,
    mode,
    sha256,
    partSizeBytes: partGrid(sizeBytes).partSizeBytes,
    partCrc32: parts.map((part) => part.crc32),
    partSha256: parts.map((part) => part.sha256),
    modifiedMs: mtimeMs,
  };
}

/** Gives a file the time of writing that it was kept with, so that it counts as the same. */
export async function giveTime(path: string, { modifiedMs }: KeptFile): Promise<void> {
  const at = new Date(modifiedMs);
  await utimes(path, at, at);
}

/** A time that was put back may be off by as much. */
const TIME_STEP_MS = 2;

/** Whether a file is as the bucket has it, by size and time of writing. */
export function isAsKept(
  { sizeBytes, mtimeMs }: Pick<FileSeen, 'sizeBytes' | 'mtimeMs'>,
  kept: Pick<KeptFile, 'sizeBytes' | 'modifiedMs'> | undefined,
): boolean {
  return kept?.sizeBytes === sizeBytes && Math.abs(kept.modifiedMs - mtimeMs) < TIME_STEP_MS;
}
