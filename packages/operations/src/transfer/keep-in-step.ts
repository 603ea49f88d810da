import type { StepEvent } from '@runctl/protocol/events';
import { messageOf } from '@runctl/core';
import { isStoreError, type Comparison } from '@runctl/store';
import { watch } from 'node:fs/promises';
import { basename } from 'node:path';
import { type GatheredTrees, gatherSync, type GatherOptions } from './gather.ts';
import { transfer, type TreeTransferOptions } from './transfer.ts';

export type StepOptions = TreeTransferOptions &
  GatherOptions & {
    /** Longest time between two looks. */
    readonly intervalMs: number;
  };

/** A file younger than this may be half written: it waits for the next pass. */
const SETTLE_MS = 2000;

/**
 * Brings both sides together again and again, until the signal fires: when something changes in the folder, and every
 * `intervalMs`. Errors: those of `gatherSync` and `transfer` that waiting does not mend.
 */
export async function* keepInStep(options: StepOptions): AsyncGenerator<StepEvent, void> {
  const { clock, signal, intervalMs } = options;
  const known = new Map<string, Comparison>();
  while (!signal.aborted) {
    const changed = new AbortController();
    const ended = new AbortController();
    const watching = wakeOnChange(options.here.path, changed, AbortSignal.any([signal, ended.signal]));
    let waitMs = intervalMs;
    try {
      const { settled, young } = leaveYoung(await gatherSync(options), clock.wallMs());
      if (young) waitMs = Math.min(waitMs, SETTLE_MS);
      yield { type: 'pass', result: yield* transfer(settled, { ...options, known }) };
      await clock.sleep(waitMs, AbortSignal.any([signal, changed.signal])).catch(() => {});
    } catch (error) {
      if (signal.aborted) return;
      if (!isStoreError(error, 'transient')) throw error;
      yield { type: 'unreachable', message: messageOf(error) };
      await clock.sleep(intervalMs, signal).catch(() => {});
    } finally {
      ended.abort();
      await watching;
    }
    // One change seldom comes alone.
    if (changed.signal.aborted) await clock.sleep(SETTLE_MS / 4, signal).catch(() => {});
  }
}

/** Both sides without the files that may still be written. */
function leaveYoung(
  gathered: GatheredTrees,
  nowMs: number,
): { readonly settled: GatheredTrees; readonly young: boolean } {
  const isYoung = ({ modifiedMs }: { readonly modifiedMs: number }): boolean =>
    modifiedMs <= nowMs && nowMs - modifiedMs < SETTLE_MS;
  const young = new Set(gathered.local.filter(isYoung).map((file) => file.path));
  if (young.size === 0) return { settled: gathered, young: false };
  const others = <T extends { readonly path: string }>(files: readonly T[]) =>
    files.filter((file) => !young.has(file.path));
  return { settled: { ...gathered, local: others(gathered.local), remote: others(gathered.remote) }, young: true };
}

/** Where a folder can't be watched, the interval alone counts. */
async function wakeOnChange(folder: string, changed: AbortController, signal: AbortSignal): Promise<void> {
  try {
    for await (const { filename } of watch(folder, { recursive: true, signal }))
      // What a pass itself makes for a moment is no change.
      if (!basename(filename ?? '').startsWith('.runctl-')) changed.abort();
  } catch {
    // The signal, or a system that can't.
  }
}
