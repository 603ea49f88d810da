import { openWritersFor } from '@runctl/checkpoint';
import type { Clock } from '@runctl/core';
import { defaultRetention } from '@runctl/protocol';
import type { LaunchPorts } from '../launch/launch-ports.ts';
import { deleteFromFolder, judgeFolder } from './cleanup-folder.ts';
import { judgeRun, pruneRun } from './cleanup-run.ts';
import { lookIntoFolder } from './folder-checkpoints.ts';

export interface CheckpointCleanup {
  /** What stays and goes, newest first. */
  readonly items: readonly {
    readonly name: string;
    readonly keep: boolean;
    readonly why: string;
    /** Null where it was not looked at. */
    readonly sizeBytes: number | null;
  }[];
  /** Deletes what is to go, and tells each. */
  readonly carryOut: (onDeleted: (name: string) => void) => Promise<void>;
}

interface CleanupOptions {
  /** So many of the newest stay. */
  readonly keepLast: number;
  readonly signal: AbortSignal;
}

/** A cleanup of a local folder. */
export async function folderCleanup(
  folder: string,
  { keepLast, signal, clock, platform }: CleanupOptions & { readonly clock: Clock; readonly platform: NodeJS.Platform },
): Promise<CheckpointCleanup> {
  const openWriters = openWritersFor(platform);
  const { checkpoints } = await lookIntoFolder(folder, { clock, openWriters, signal });
  const decisions = judgeFolder(checkpoints, keepLast);
  return {
    items: decisions.map(({ checkpoint: { entry: name, sizeBytes }, keep, why }) => ({ name, keep, why, sizeBytes })),
    carryOut: (onDeleted) => deleteFromFolder(folder, decisions, ({ checkpoint }) => onDeleted(checkpoint.entry)),
  };
}

/** A cleanup of a run that has ended. Errors: those of `judgeRun` and, while it is carried out, of `pruneRun`. */
export async function runCleanup(
  ports: LaunchPorts,
  { run, keepLast, signal }: CleanupOptions & { readonly run: string },
): Promise<CheckpointCleanup> {
  // The latest is kept besides.
  const policy = { ...defaultRetention, last: Math.max(1, keepLast - 1) };
  const decisions = await judgeRun(ports, { run, policy, signal });
  return {
    items: decisions.map(({ manifestKey, step, keep, why }) => {
      const number = manifestKey.replace(/^.*\/(\d+-\d+)\.json$/, '$1');
      return { name: `${number} (step ${step ?? 'unknown'})`, keep, why, sizeBytes: null };
    }),
    async carryOut(onDeleted) {
      for (const key of await pruneRun(ports, { run, policy, signal })) onDeleted(key);
    },
  };
}
