import { type Clock, inParallel } from '@runctl/core';
import type { TransferEvent, TransferResult } from '@runctl/protocol/events';
import {
  compareContent,
  type Comparison,
  type Direction,
  type LocalFile,
  type MovedFile,
  moveTree,
  type ObjectStore,
  pairsToCompare,
  planTree,
  type Preference,
  type RemoteFile,
  type TreeAction,
} from '@runctl/store';
import { join } from 'node:path';
import { emitting } from './emitting.ts';
import type { GatheredTrees } from './gather.ts';
import { assertRoom, fatalProblem, wordsOf } from './problems.ts';
import { ProgressMeter } from './progress-meter.ts';

export interface TreeTransferOptions {
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly direction: Direction;
  readonly deleteOthers?: boolean;
  readonly prefer?: Preference;
  readonly dryRun: boolean;
  /** Files at the same time. */
  readonly concurrency?: number;
  /** What earlier passes found out of pairs that have not changed since. */
  readonly known?: Map<string, Comparison>;
}

const COMPARED_AT_ONCE = 4;
const PROGRESS_MS = 500;

/**
 * Compares both sides, plans, and moves what is missing or different. Files that can't be moved are in the result. Rejects
 * with `disk-full`, StoreError, and the file system's errors, when nothing more can succeed.
 */
export function transfer(
  gathered: GatheredTrees,
  options: TreeTransferOptions,
): AsyncGenerator<TransferEvent, TransferResult> {
  return emitting(async (emit) => {
    const { clock, direction, deleteOthers, prefer } = options;
    const startedMs = clock.monotonicMs();
    for (const type of ['refused', 'skipped'] as const) for (const each of gathered[type]) emit({ type, ...each });
    const compared = await compareAll(gathered, options, emit);
    const plan = planTree({
      ...gathered,
      compared,
      direction,
      spared: gathered.refused.map((each) => each.path),
      ...(deleteOthers === undefined ? {} : { deleteOthers }),
      ...(prefer === undefined ? {} : { prefer }),
    });
    const counts = { movedBytes: 0, knownBytes: 0 };
    const nothing = { moved: [], failed: [] };
    const result = options.dryRun ? nothing : await move(gathered, plan, { ...options, emit, counts });
    const { refused, skipped } = gathered;
    return { plan, ...result, refused, skipped, ...counts, tookMs: clock.monotonicMs() - startedMs };
  });
}

async function compareAll(
  gathered: GatheredTrees,
  { store, signal, known = new Map<string, Comparison>() }: TreeTransferOptions,
  emit: (event: TransferEvent) => void,
): Promise<ReadonlyMap<string, Comparison>> {
  const pairs = pairsToCompare(gathered.local, gathered.remote);
  const fresh = pairs.filter((pair) => !known.has(pairName(pair)));
  const bytes = fresh.reduce((sum, pair) => sum + pair.local.sizeBytes, 0);
  if (fresh.length > 0) emit({ type: 'comparing', files: fresh.length, bytes });
  await inParallel(fresh, { concurrency: COMPARED_AT_ONCE }, async (pair) => {
    signal.throwIfAborted();
    const place = join(gathered.root, pair.local.path);
    const comparison = await compareContent(store, { path: place, object: pair.remote, signal }).catch(
      (error: unknown) => {
        // Unreadable, or gone since: moving it will tell, with a better account.
        if ('syscall' in (error as object)) return { same: null, by: 'length' } as const;
        throw error;
      },
    );
    known.set(pairName(pair), comparison);
  });
  return new Map(pairs.flatMap((pair) => [[pair.local.path, known.get(pairName(pair)) ?? never()]]));
}

function never(): never {
  throw new Error('a pair was not compared');
}

/** Changes with either side. */
function pairName({ local, remote }: { readonly local: LocalFile; readonly remote: RemoteFile }): string {
  return JSON.stringify([local.path, local.sizeBytes, local.modifiedMs, remote.etag]);
}

function flat({ action, movedBytes, verified }: MovedFile): TransferResult['moved'][number] {
  return { ...action, movedBytes, verified };
}

interface Moving extends TreeTransferOptions {
  readonly emit: (event: TransferEvent) => void;
  readonly counts: { movedBytes: number; knownBytes: number };
}

async function move(gathered: GatheredTrees, plan: readonly TreeAction[], options: Moving) {
  const { store, clock, emit, counts } = options;
  const moving = plan.filter(({ kind }) => kind === 'upload' || kind === 'download');
  await assertRoom(gathered.root, plan);
  const meter = new ProgressMeter({
    bytes: moving.reduce((sum, action) => sum + action.sizeBytes, 0),
    files: moving.length,
  });
  const done = new AbortController();
  const ticking = (async () => {
    while (!done.signal.aborted) {
      emit({ type: 'progress', ...meter.look(clock.monotonicMs()) });
      await clock.sleep(PROGRESS_MS, done.signal).catch(() => {});
    }
  })();
  try {
    const { moved, failed } = await moveTree(plan, {
      store,
      root: gathered.root,
      keyOf: gathered.keyOf,
      remote: new Map(gathered.remote.map((file) => [file.path, file])),
      signal: options.signal,
      ...(options.concurrency === undefined ? {} : { concurrency: options.concurrency }),
      onBytes: (bytes, how) => {
        counts[how === 'moved' ? 'movedBytes' : 'knownBytes'] += bytes;
        meter.bytes(bytes, how);
      },
      onFile: (file) => {
        meter.file();
        emit({ type: 'file', ...flat(file) });
      },
    });
    return {
      moved: moved.map(flat),
      failed: failed.map(({ action, error }) => ({ ...action, error: wordsOf(error) })),
    };
  } catch (error) {
    throw fatalProblem(error, gathered.root);
  } finally {
    done.abort();
    await ticking;
    emit({ type: 'progress', ...meter.look(clock.monotonicMs()) });
  }
}
