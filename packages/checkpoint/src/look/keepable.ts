import { topEntryOf } from './names.ts';
import type { Candidate } from '../contract/recogniser.ts';
import type { PassedOver } from '../contract/passed-over.ts';
import type { ScannedFolder } from './scan.ts';
import { unkeepable } from './unkeepable.ts';

/**
 * Candidates as far as a bucket can hold them, and all that is left out of them. A companion that no bucket can hold, or a
 * folder beside the checkpoints that nobody may look into, keeps nothing back. One that lies in a checkpoint's own folder
 * does: without it the checkpoint would be torn. So does an own file that no bucket can hold.
 */
export function keepable(
  candidates: readonly Candidate[],
  { passedOver, unreadable }: Pick<ScannedFolder, 'passedOver' | 'unreadable'>,
): { readonly candidates: readonly Candidate[]; readonly passedOver: readonly PassedOver[] } {
  const omitted = new Map(passedOver.map((each) => [each.path, each]));
  const kept = candidates.map((candidate): Candidate => {
    const companions = candidate.companions.filter((file) => {
      const why = unkeepable(file);
      if (why !== null) omitted.set(file.path, { path: file.path, why });
      return why === null;
    });
    const unkept = unreadableIn(candidate, unreadable) ?? unkeepableOf(candidate);
    return unkept === null ? { ...candidate, companions } : { ...candidate, companions, unkept };
  });
  return { candidates: kept, passedOver: Array.from(omitted.values()) };
}

function unreadableIn({ files }: Candidate, unreadable: readonly string[]): string | null {
  const folders = new Set(files.filter(({ path }) => path.includes('/')).map(({ path }) => topEntryOf(path)));
  const path = unreadable.find((each) => folders.has(topEntryOf(each)));
  return path === undefined ? null : `${path}, which is part of it, can't be looked into`;
}

function unkeepableOf({ files }: Candidate): string | null {
  for (const file of files) {
    const why = unkeepable(file);
    if (why !== null) return `${file.path.slice(0, 60)} ${why}`;
  }
  return null;
}
