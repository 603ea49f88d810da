import type { InspectedCheckpoint } from '@runctl/checkpoint';
import { realpath, rm, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';

export interface FolderDecision {
  readonly checkpoint: InspectedCheckpoint;
  readonly keep: boolean;
  /** For people. */
  readonly why: string;
}

/**
 * What of a local folder may go: complete checkpoints behind the newest `keepLast` complete ones, and torn ones older than
 * the newest complete one. What may still be being written stays, and so does the last one that is whole.
 */
export function judgeFolder(newestFirst: readonly InspectedCheckpoint[], keepLast: number): readonly FolderDecision[] {
  let complete = 0;
  return newestFirst.map((checkpoint) => {
    const { state, why } = checkpoint;
    if (state === 'settling') return { checkpoint, keep: true, why: `may still be being written: ${why}` };
    if (state === 'torn')
      return complete > 0
        ? { checkpoint, keep: false, why: `torn: ${why}` }
        : { checkpoint, keep: true, why: `torn, but no newer one is whole: ${why}` };
    complete += 1;
    if (complete <= Math.max(1, keepLast))
      return { checkpoint, keep: true, why: `one of the newest ${Math.max(1, keepLast)}` };
    return { checkpoint, keep: false, why: 'older than those kept' };
  });
}

/** Deletes the files of what is to go that nothing kept needs, and the folders that this leaves empty. */
export async function deleteFromFolder(
  folder: string,
  decisions: readonly FolderDecision[],
  onDeleted: (decision: FolderDecision) => void,
): Promise<void> {
  const root = await realpath(folder);
  const needed = new Set(
    decisions
      .filter(({ keep }) => keep)
      .flatMap(({ checkpoint }) => [...checkpoint.files.map((file) => file.path), ...checkpoint.companions]),
  );
  for (const decision of decisions.filter(({ keep }) => !keep)) {
    for (const { path } of decision.checkpoint.files) {
      const place = dirname(join(root, path));
      // Behind a link lies a file of somewhere else.
      if (needed.has(path) || (await realpath(place).catch(() => null)) !== place) continue;
      await rm(join(root, path), { force: true });
      await removeEmpty(place, root);
    }
    onDeleted(decision);
  }
}

async function removeEmpty(folder: string, root: string): Promise<void> {
  for (let place = folder; place !== root && place.startsWith(root); place = dirname(place))
    if (
      !(await rmdir(place).then(
        () => true,
        () => false,
      ))
    )
      return;
}
