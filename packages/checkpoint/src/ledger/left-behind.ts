import type { LeftBehind, Manifest, ManifestFile } from '@runctl/protocol';
import { stepEntryOf, topEntryOf } from '../look/names.ts';

const MOST_NAMES = 5;

/** The files of the save that a manifest was made for: what only went along with it has later versions. */
export function savesOf({ entry, files, step }: Pick<Manifest, 'entry' | 'files' | 'step'>): readonly ManifestFile[] {
  return files.filter(
    ({ path }) => path === entry || path.startsWith(`${entry}/`) || (step !== null && stepEntryOf(path)?.step === step),
  );
}

/**
 * Which of the files in a checkpoint folder a restore does not bring, by the save, folder or file that they are of; null
 * when it brings all of them.
 */
export function leftBehindOf(paths: readonly string[], restored: ReadonlySet<string>): LeftBehind | null {
  const partly = new Set(Array.from(restored, topEntryOf));
  const names = new Map<string, number>();
  for (const path of paths) {
    if (restored.has(path)) continue;
    const save = stepEntryOf(path);
    const top = topEntryOf(path);
    names.set(save?.entry ?? (partly.has(top) ? path : top), save?.step ?? -1);
  }
  if (names.size === 0) return null;
  const newestFirst = Array.from(names).toSorted(([a, at], [b, bt]) => bt - at || (a < b ? -1 : 1));
  return { names: newestFirst.slice(0, MOST_NAMES).map(([name]) => name), count: names.size };
}
