import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Manifest } from '@runctl/protocol';

/** Clocks of file systems tick coarsely. */
const TICK_MS = 20;

/**
 * How long a save took, from the beginning of its first file to the last write, by the files' own times; null when those
 * do not tell: the files were written in place, are gone or changed by now, or the file system keeps no time of birth.
 * `sinceMs` is the time of the save before: what is older than that belongs to it.
 */
export async function saveSpanMs(
  folder: string,
  { files, savedAt }: Pick<Manifest, 'files' | 'savedAt'>,
  sinceMs: number,
): Promise<number | null> {
  const savedMs = Date.parse(savedAt);
  let firstMs: number | null = null;
  for (const { path } of files) {
    const info = await stat(join(folder, path)).catch(() => null);
    if (info === null) return null;
    if (info.mtimeMs <= sinceMs + TICK_MS) continue;
    if (info.mtimeMs > savedMs + TICK_MS) continue;
    const bornMs = info.birthtimeMs;
    if (bornMs < sinceMs - TICK_MS || bornMs > info.mtimeMs + TICK_MS) return null;
    firstMs = Math.min(firstMs ?? bornMs, bornMs);
  }
  return firstMs === null ? null : Math.max(0, Math.round(savedMs - firstMs));
}
