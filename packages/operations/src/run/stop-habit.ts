import { inParallel } from '@runctl/core';
import { attemptDrained, type AttemptStatus, attemptStatus, parseAttemptKey, runKeys } from '@runctl/protocol';
import type { ObjectStore } from '@runctl/store';
import { readDocument } from '../documents.ts';
import type { AttemptRecord } from './run-record.ts';

type Seen = NonNullable<AttemptStatus['workload']>;
type Life = Pick<AttemptRecord, 'status' | 'drain'>;

/**
 * What the lives of a run have shown of how their workload takes a stop: it `saves` at it, or dies by it in the newest life
 * (`dies`) or the last one that told anything (`died`), or `ignores` SIGTERM and may watch the preempt file; null where
 * nothing tells.
 */
export type StopHabit = 'saves' | 'dies' | 'died' | 'ignores' | null;

/** Lives in their order, the newest last. One that saved at a stop, by whatever it learned of it, tells more than its handlers. */
export function stopHabitOf(lives: readonly Life[]): StopHabit {
  if (lives.some(({ drain }) => drain?.newCheckpoint === true)) return 'saves';
  const seen = lives.map(({ status }) => status?.document.workload ?? null);
  const newest = seen.at(-1) ?? null;
  if (newest !== null && tells(newest)) return habitOf(newest);
  // A life that has just begun is most likely as the one before.
  const before = seen.findLast((each) => each !== null && tells(each)) ?? null;
  return before?.catchesTerm === false ? 'died' : null;
}

/** False where it is not known what becomes of SIGTERM. */
function tells({ catchesTerm, ignoresTerm }: Seen): boolean {
  return catchesTerm !== null || ignoresTerm;
}

function habitOf({ catchesTerm }: Seen): StopHabit {
  if (catchesTerm === null) return 'ignores';
  return catchesTerm ? 'saves' : 'dies';
}

/** How many of a run's newest lives are asked. */
const RECENT_LIVES = 10;
const PARALLEL_READS = 10;

/** Whether the workload of a run saves at a stop; null where its newest lives don't tell. Errors: those of the codec, StoreError. */
export async function savesAtStop(store: ObjectStore, run: string): Promise<boolean | null> {
  const habit = stopHabitOf(await recentLives(store, run));
  if (habit === null || habit === 'ignores') return null;
  return habit === 'saves';
}

async function recentLives(store: ObjectStore, run: string): Promise<readonly Life[]> {
  const keys = runKeys(run);
  const generations = new Set<number>();
  for await (const { key } of store.list({ prefix: keys.attemptsFolder })) {
    const parsed = parseAttemptKey(key);
    if (parsed?.node === 0) generations.add(parsed.generation);
  }
  const recent = Array.from(generations)
    .sort((a, b) => a - b)
    .slice(-RECENT_LIVES);
  return inParallel(recent, { concurrency: PARALLEL_READS }, async (generation) => {
    const { drained, status } = keys.attempt(generation, 0);
    const [stop, seen] = await Promise.all([
      readDocument(store, attemptDrained, drained),
      readDocument(store, attemptStatus, status),
    ]);
    return { drain: stop?.document.drain ?? null, status: seen };
  });
}
