import { isRunctlError, messageOf } from '@runctl/core';
import { compareOrder, type Manifest, parseManifestKey, runKeys } from '@runctl/protocol';
import { type BucketAccess, readManifest, readPointer, surveyBucket } from './commit.ts';

export interface ChainLink {
  readonly key: string;
  /** Null when it is missing or unreadable; `problem` says which. */
  readonly manifest: Manifest | null;
  readonly problem: string | null;
}

export interface ManifestChain {
  /** What `latest.json` names; null when it is missing or unreadable. */
  readonly latestKey: string | null;
  /** There is no `latest.json`: it was lost, or nothing was ever committed. */
  readonly pointerMissing: boolean;
  readonly warnings: readonly string[];
  /** From the latest back, following `previous`, and the listing where a link is broken. */
  readonly links: AsyncIterable<ChainLink>;
}

/** The checkpoints of a run from the one to restore back to the oldest. Rejects with `newer-format` rather than pass one over. */
export async function manifestChain(access: BucketAccess): Promise<ManifestChain> {
  const pointer = await readable(readPointer(access));
  if ('value' in pointer && pointer.value !== null) {
    const latestKey = pointer.value.pointer.manifest;
    return { latestKey, pointerMissing: false, warnings: [], links: linksFrom(access, latestKey) };
  }
  const newest = (await surveyBucket(access)).manifests.at(-1)?.key ?? null;
  const lost = 'problem' in pointer ? pointer.problem : `${runKeys(access.run).latest} is missing`;
  const warnings = newest === null && 'value' in pointer ? [] : [`${lost}: taking the newest manifest that is listed`];
  return { latestKey: null, pointerMissing: 'value' in pointer, warnings, links: linksFrom(access, newest) };
}

/** One checkpoint, without those before it. */
export function singleLink(access: BucketAccess, key: string): ManifestChain {
  const links = async function* () {
    for await (const link of linksFrom(access, key)) {
      yield link;
      return;
    }
  };
  return { latestKey: null, pointerMissing: false, warnings: [], links: links() };
}

async function* linksFrom(access: BucketAccess, newest: string | null): AsyncGenerator<ChainLink> {
  const visited = new Set<string>();
  for (let key = newest; key !== null && !visited.has(key);) {
    visited.add(key);
    const read = await readable(readManifest(access, key));
    const manifest = 'value' in read ? read.value : null;
    const problem = 'problem' in read ? read.problem : manifest === null ? `${key} is missing` : null;
    yield { key, manifest, problem };
    key = (manifest === null ? null : previousOf(access.run, manifest)) ?? (await newestListedBefore(access, key));
  }
}

/** Key of the checkpoint before; null when there is none, or when what is named there can't be one. */
export function previousOf(run: string, manifest: Manifest): string | null {
  const { previous } = manifest;
  const order = previous === null ? null : parseManifestKey(previous);
  const isBefore = order !== null && runKeys(run).manifest(order) === previous && compareOrder(order, manifest) < 0;
  return isBefore ? previous : null;
}

async function newestListedBefore(access: BucketAccess, key: string): Promise<string | null> {
  const order = parseManifestKey(key);
  if (order === null) return null;
  const { manifests } = await surveyBucket(access);
  return manifests.findLast((manifest) => compareOrder(manifest, order) < 0)?.key ?? null;
}

/** A document that is not what its key promises is a problem to go around; one of a newer format is an error. */
async function readable<T>(reading: Promise<T>): Promise<{ readonly value: T } | { readonly problem: string }> {
  try {
    return { value: await reading };
  } catch (error) {
    if (isRunctlError(error, 'internal')) return { problem: messageOf(error) };
    throw error;
  }
}

/** For people. */
export function describeLink({ key, manifest }: ChainLink): string {
  const step = manifest?.step ?? null;
  return step === null ? key : `${key} (step ${step})`;
}
