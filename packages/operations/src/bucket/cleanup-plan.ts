import type { ObjectInfo } from '@runctl/store';

/** What stands directly below a folder of the bucket: an object, or a folder with all that is in it. */
export interface BucketItem {
  /** Ends with `/` when it is a folder. */
  readonly name: string;
  readonly keys: readonly string[];
  readonly sizeBytes: number;
  /** When the newest of its objects was written, by S3's clock. */
  readonly newestMs: number;
}

export interface CleanupPolicy {
  /** Of the newest items that fit; null = none are kept for their rank. */
  readonly keepLast: number | null;
  /** Only items older than this; null = whatever their age. */
  readonly olderThanMs: number | null;
  readonly fits: (name: string) => boolean;
}

export interface CleanupDecision {
  readonly item: BucketItem;
  readonly keep: boolean;
  /** For people. */
  readonly why: string;
}

export function itemsOf(objects: readonly ObjectInfo[], prefix: string): readonly BucketItem[] {
  const items = new Map<string, { keys: string[]; sizeBytes: number; newestMs: number }>();
  for (const { key, sizeBytes, lastModifiedMs } of objects) {
    const rest = key.slice(prefix.length);
    const slash = rest.indexOf('/');
    const name = slash < 0 ? rest : rest.slice(0, slash + 1);
    if (name === '') continue;
    const item = items.get(name) ?? { keys: [], sizeBytes: 0, newestMs: 0 };
    items.set(name, item);
    item.keys.push(key);
    item.sizeBytes += sizeBytes;
    item.newestMs = Math.max(item.newestMs, lastModifiedMs);
  }
  return Array.from(items, ([name, item]) => ({ name, ...item }));
}

/** What a cleanup would do, newest first. What does not fit is left out: it is none of its business. */
export function planCleanup(
  items: readonly BucketItem[],
  policy: CleanupPolicy,
  nowMs: number,
): readonly CleanupDecision[] {
  const fitting = items
    .filter((item) => policy.fits(item.name.replace(/\/$/, '')))
    .toSorted((a, b) => b.newestMs - a.newestMs || (a.name < b.name ? 1 : -1));
  return fitting.map((item, rank) => {
    if (policy.keepLast !== null && rank < policy.keepLast)
      return { item, keep: true, why: `one of the newest ${policy.keepLast}` };
    const ageMs = nowMs - item.newestMs;
    if (policy.olderThanMs !== null && ageMs <= policy.olderThanMs) return { item, keep: true, why: 'not old enough' };
    return { item, keep: false, why: policy.olderThanMs === null ? 'older than those kept' : 'old enough' };
  });
}
