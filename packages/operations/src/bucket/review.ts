import type { Clock } from '@runctl/core';
import { parseDataKey, parseManifestKey } from '@runctl/protocol';
import { type ObjectInfo, type ObjectStore } from '@runctl/store';
import { RunOwnership, runOfKey, type RunKey } from './run-ownership.ts';

export interface Amount {
  readonly objects: number;
  readonly bytes: number;
}

export interface ReviewedRun extends RunKey {
  readonly total: Amount;
  readonly checkpoints: number;
  readonly data: Amount;
  readonly logs: Amount;
  /** By S3's clock. */
  readonly oldestMs: number;
  readonly newestMs: number;
  /** Why it must stay; null when it has ended, and could be deleted as a whole. */
  readonly alive: string | null;
  /** Data of checkpoints that were never finished, in a run that has ended: nothing can ever use it. */
  readonly orphans: Amount;
}

export interface ReviewedFolder {
  /** Below the reviewed place; ends with `/` for a folder. */
  readonly name: string;
  readonly total: Amount;
  readonly oldestMs: number;
  readonly newestMs: number;
}

export interface UnfinishedUpload {
  readonly key: string;
  readonly bytes: number;
  readonly begunMs: number;
}

export interface Review {
  readonly total: Amount;
  readonly runs: readonly ReviewedRun[];
  readonly folders: readonly ReviewedFolder[];
  /** Billed until somebody aborts them; no listing shows them. */
  readonly uploads: readonly UnfinishedUpload[];
}

/** What is stored below a place: by run, by folder, and what nobody sees. One listing, and a look at each run. */
export async function reviewBucket(options: {
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly prefix: string;
  readonly signal: AbortSignal;
}): Promise<Review> {
  const { store, clock, prefix, signal } = options;
  const byRun = new Map<string, { of: RunKey; objects: ObjectInfo[] }>();
  const folders = new Map<string, ObjectInfo[]>();
  const all: ObjectInfo[] = [];
  for await (const info of store.list({ prefix, signal })) {
    all.push(info);
    const of = runOfKey(info.key);
    if (of === null) push(folders, nameBelow(info.key, prefix), info);
    else {
      const run = byRun.get(of.base + of.run) ?? { of, objects: [] };
      byRun.set(of.base + of.run, run);
      run.objects.push(info);
    }
  }
  const ownership = new RunOwnership({ store, clock });
  const runs: ReviewedRun[] = [];
  for (const { of, objects } of byRun.values()) runs.push(reviewRun(of, objects, await ownership.whyAlive(of)));
  return {
    total: amountOf(all),
    runs: runs.sort((a, b) => b.total.bytes - a.total.bytes),
    folders: Array.from(folders, ([name, objects]) => ({ name, total: amountOf(objects), ...agesOf(objects) })).sort(
      (a, b) => b.total.bytes - a.total.bytes,
    ),
    uploads: await unfinished(store, prefix, signal),
  };
}

function reviewRun(of: RunKey, objects: readonly ObjectInfo[], alive: string | null): ReviewedRun {
  const folder = `${of.base}runs/${of.run}/`;
  const below = (name: string) => objects.filter(({ key }) => key.startsWith(folder + name));
  const manifests = below('manifests/').flatMap(({ key }) => parseManifestKey(key) ?? []);
  const committed = new Set(manifests.map(({ generation, seq }) => `${generation}-${seq}`));
  const data = below('data/');
  const orphans = data.filter(({ key }) => {
    const order = parseDataKey(key);
    return alive === null && order !== null && !committed.has(`${order.generation}-${order.seq}`);
  });
  return {
    ...of,
    total: amountOf(objects),
    checkpoints: manifests.length,
    data: amountOf(data),
    logs: amountOf(below('logs/')),
    ...agesOf(objects),
    alive,
    orphans: amountOf(orphans),
  };
}

async function unfinished(store: ObjectStore, prefix: string, signal: AbortSignal): Promise<UnfinishedUpload[]> {
  const found: UnfinishedUpload[] = [];
  for await (const upload of store.listMultipart({ prefix, signal })) {
    let bytes = 0;
    for await (const part of store.listParts(upload, { signal })) bytes += part.sizeBytes;
    found.push({ key: upload.key, bytes, begunMs: upload.initiatedMs });
  }
  return found;
}

function nameBelow(key: string, prefix: string): string {
  const rest = key.slice(prefix.length);
  const slash = rest.indexOf('/');
  return slash < 0 ? rest : rest.slice(0, slash + 1);
}

function amountOf(objects: readonly ObjectInfo[]): Amount {
  return { objects: objects.length, bytes: objects.reduce((sum, object) => sum + object.sizeBytes, 0) };
}

function agesOf(objects: readonly ObjectInfo[]): { readonly oldestMs: number; readonly newestMs: number } {
  let [oldestMs, newestMs] = [Number.POSITIVE_INFINITY, 0];
  for (const { lastModifiedMs } of objects) {
    oldestMs = Math.min(oldestMs, lastModifiedMs);
    newestMs = Math.max(newestMs, lastModifiedMs);
  }
  return { oldestMs, newestMs };
}

function push<T>(map: Map<string, T[]>, key: string, value: T): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}
