import { type Clock, command, commandText, RunctlError } from '@runctl/core';
import { bucketKeys, indexDocument, nameDocument, parseIndexKey } from '@runctl/protocol';
import { type ObjectInfo, type ObjectStore, prefixed } from '@runctl/store';
import { readDocument } from '../documents.ts';
import { type CleanupDecision, type CleanupPolicy, itemsOf, planCleanup } from './cleanup-plan.ts';
import { RunOwnership, runOfKey, type RunKey } from './run-ownership.ts';

export interface CleanupOptions {
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly prefix: string;
  readonly policy: CleanupPolicy;
  readonly signal: AbortSignal;
}

/** Decides what stands below a folder of the bucket. Errors: `object-not-found`, StoreError. */
export async function decideCleanup(options: CleanupOptions): Promise<readonly CleanupDecision[]> {
  const { store, clock, prefix, policy, signal } = options;
  const objects: ObjectInfo[] = [];
  for await (const info of store.list({ prefix, signal })) objects.push(info);
  if (objects.length === 0)
    throw new RunctlError('object-not-found', `there is nothing below ${prefix || 'the root'} in ${store.location}`, {
      hint: [command('s3 list'), ' shows what is there'],
    });
  const nowMs = await serverTime(store, objects[0]?.key ?? '', clock);
  const ownership = new RunOwnership({ store, clock });
  const decisions: CleanupDecision[] = [];
  for (const decision of planCleanup(itemsOf(objects, prefix), policy, nowMs)) {
    const why = decision.keep ? null : await protection(decision, { prefix, ownership });
    decisions.push(why === null ? decision : { ...decision, keep: true, why });
  }
  return decisions;
}

/** Ages are told by S3's clock on both sides. */
async function serverTime(store: ObjectStore, key: string, clock: Clock): Promise<number> {
  return (await store.head(key))?.serverTimeMs ?? clock.wallMs();
}

async function protection(
  { item }: CleanupDecision,
  { prefix, ownership }: { prefix: string; ownership: RunOwnership },
): Promise<string | null> {
  const runs = new Map<string, RunKey>();
  for (const key of item.keys) {
    const of = runOfKey(key);
    if (of !== null) runs.set(of.base + of.run, of);
    else if (await ownership.isShared(key)) return 'runs beside it count on it';
  }
  for (const of of runs.values()) {
    const alive = await ownership.whyAlive(of);
    if (alive !== null) return alive;
    const isWhole = `${prefix}${item.name}`.length <= `${of.base}runs/${of.run}/`.length;
    if (!isWhole)
      return `a part of ${of.run}, which could not be resumed without it: see ${commandText(command('checkpoint cleanup'))}`;
  }
  return null;
}

const DELETED_AT_ONCE = 1000;

/** Deletes what was decided to go, and of whole runs what points to them. Returns how many objects went. */
export async function carryOutCleanup(
  decisions: readonly CleanupDecision[],
  { store, signal }: CleanupOptions,
  onDeleted: (decision: CleanupDecision) => void,
): Promise<number> {
  let deleted = 0;
  for (const decision of decisions.filter(({ keep }) => !keep)) {
    const { keys } = decision.item;
    const runs = new Map(keys.map(runOfKey).flatMap((of) => (of === null ? [] : [[of.base + of.run, of] as const])));
    for (const of of runs.values()) await forget(store, of);
    for (let start = 0; start < keys.length; start += DELETED_AT_ONCE)
      await store.delete(keys.slice(start, start + DELETED_AT_ONCE), { signal });
    deleted += keys.length;
    onDeleted(decision);
  }
  return deleted;
}

/** Removes a run's entries in the index and among the names, before the run itself: nothing shall point to what is gone. */
async function forget(whole: ObjectStore, { run, base }: RunKey): Promise<void> {
  const store = base === '' ? whole : prefixed(whole, base);
  for await (const { key } of store.list({ prefix: bucketKeys.indexFolder() })) {
    if (parseIndexKey(key)?.run !== run) continue;
    const name = (await readDocument(store, indexDocument, key))?.document.name ?? null;
    const named = name === null ? null : await readDocument(store, nameDocument, bucketKeys.name(name));
    if (name !== null && named?.document.run === run) await store.delete([bucketKeys.name(name)]);
    await store.delete([key]);
  }
}
