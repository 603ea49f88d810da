import { isSideFile } from '@runctl/checkpoint';
import type { Clock } from '@runctl/core';
import type { Timing } from '@runctl/protocol';
import type { SavingProgress } from '../../lifecycle/model.ts';
import { unseenSave } from '../../lifecycle/saving.ts';
import { filesBelow } from '../../reporting/files-below.ts';
import type { Supervisor } from '../../workload/supervisor/supervisor.ts';

export interface SaveWatchParts {
  readonly folders: { readonly checkpoint: string };
  readonly supervisor: Pick<Supervisor, 'stopping'>;
  readonly timing: Pick<Timing, 'settleMs' | 'savingPauseMs'>;
  readonly clock: Clock;
}

/** The files of one look: what changes with each byte of a file, and the newest time of any (wall). */
interface Look {
  readonly files: ReadonlyMap<string, string>;
  readonly newestMs: number;
}

const LOOK_MS = 1000;
/** Of the time, for looks at a large folder, as long as they are not so slow that a save is lost sight of. */
const LOOKING_SHARE = 0.05;

/** Sees when a script writes into its checkpoint folder. Logs, databases and the like are no saves. */
export class SaveWatch {
  readonly #parts: SaveWatchParts;

  constructor(parts: SaveWatchParts) {
    this.#parts = parts;
  }

  /** When something was written last (monotonic), if that was after `fromMs` (wall); null else. Never rejects. */
  async lastByteMs(fromMs: number): Promise<number | null> {
    const { newestMs } = await this.#look();
    return newestMs < fromMs ? null : this.#monotonic(newestMs);
  }

  /**
   * Calls back after each look with how the workload saves since `fromMs` (wall), when it was told to stop. A save that
   * was under way then is not the one that it begins for the stop. Rejects with the signal's reason only.
   */
  async follow(fromMs: number, onProgress: (progress: SavingProgress) => void, signal: AbortSignal): Promise<never> {
    const { clock, supervisor, timing } = this.#parts;
    let before: Look | null = null;
    let wroteMs = Number.NEGATIVE_INFINITY;
    let isQuiet = true;
    let progress = unseenSave;
    for (;;) {
      const sinceMs = clock.monotonicMs();
      const look = await this.#look();
      signal.throwIfAborted();
      if (before === null) wroteMs = this.#monotonic(look.newestMs);
      const writes = before === null ? look.newestMs >= fromMs : isChanged(before, look);
      if (writes) {
        const paused = isQuiet && before !== null && sinceMs - wroteMs >= timing.settleMs;
        if (before !== null) wroteMs = sinceMs;
        progress = { ...progress, hasBegun: progress.hasBegun || paused, lastByteMs: wroteMs };
      }
      isQuiet = !writes;
      before = look;
      const { couldSave, othersWait, toldAtMs } = supervisor.stopping();
      progress = { ...progress, canSave: couldSave, othersWait, toldAtMs, lookedAtMs: sinceMs };
      onProgress(progress);
      // A longer rest would take a save that goes on for one that has paused.
      const restMs = Math.min((clock.monotonicMs() - sinceMs) / LOOKING_SHARE, timing.savingPauseMs / 4);
      await clock.sleep(Math.max(Math.min(LOOK_MS, timing.settleMs / 2), restMs), signal);
    }
  }

  async #look(): Promise<Look> {
    const { checkpoint } = this.#parts.folders;
    const files = new Map<string, string>();
    let newestMs = Number.NEGATIVE_INFINITY;
    for await (const { path, info } of filesBelow(checkpoint)) {
      if (isSideFile(path)) continue;
      files.set(path, `${info.ino} ${info.size} ${info.mtimeMs}`);
      newestMs = Math.max(newestMs, info.mtimeMs);
    }
    return { files, newestMs };
  }

  #monotonic(wallMs: number): number {
    const { clock } = this.#parts;
    return clock.monotonicMs() - Math.max(0, clock.wallMs() - wallMs);
  }
}

/** Files that are gone were deleted or renamed: neither is a byte of a save, but a rename shows as a new file. */
const isChanged = (before: Look, now: Look): boolean =>
  [...now.files].some(([path, state]) => before.files.get(path) !== state);
