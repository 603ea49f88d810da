import type { ObjectEvent } from '@runctl/protocol/events';
import type { Clock } from '@runctl/core';
import { isStoreError, type ObjectInfo, type ObjectStore } from '@runctl/store';

export interface WatchOptions {
  readonly store: ObjectStore;
  readonly prefix: string;
  readonly clock: Clock;
  readonly intervalMs: number;
  readonly signal: AbortSignal;
}

/** What changes below a place from now on, until the signal fires. Errors: StoreError, but not `transient`. */
export async function* watchObjects(options: WatchOptions): AsyncGenerator<ObjectEvent> {
  const { clock, intervalMs, signal } = options;
  let seen: ReadonlyMap<string, ObjectInfo> | null = null;
  while (!signal.aborted) {
    try {
      const now = await look(options);
      if (seen !== null) yield* changesBetween(seen, now);
      seen = now;
    } catch (error) {
      if (signal.aborted) return;
      if (!isStoreError(error, 'transient')) throw error;
      yield { type: 'unreachable', message: error.message };
    }
    await clock.sleep(intervalMs, signal).catch(() => {});
  }
}

async function look({ store, prefix, signal }: WatchOptions): Promise<ReadonlyMap<string, ObjectInfo>> {
  const objects = new Map<string, ObjectInfo>();
  for await (const info of store.list({ prefix, signal })) objects.set(info.key, info);
  return objects;
}

export function* changesBetween(
  before: ReadonlyMap<string, ObjectInfo>,
  after: ReadonlyMap<string, ObjectInfo>,
): Generator<ObjectEvent> {
  for (const [key, info] of after) {
    const known = before.get(key);
    if (known?.etag === info.etag && known.lastModifiedMs === info.lastModifiedMs) continue;
    const modifiedAt = new Date(info.lastModifiedMs).toISOString();
    yield { type: known === undefined ? 'new' : 'changed', key, sizeBytes: info.sizeBytes, modifiedAt };
  }
  for (const key of before.keys()) if (!after.has(key)) yield { type: 'gone', key };
}
