import { randomInt } from 'node:crypto';
import { type Clock, isRunctlError } from '@runctl/core';
import { decodeDocument, encodeDocument, leaseDocument, type LeaseDocument, runKeys } from '@runctl/protocol';
import { type CallOptions, collect, compareAndSet, isStoreError } from '@runctl/store';
import type { HeldLease, Holder } from './lease-machine.ts';
import type { RunInStore } from './shown-generation.ts';

/** A run whose lease is asked for, and the clock that times the requests. */
export interface LeaseAccess extends RunInStore {
  readonly clock: Pick<Clock, 'monotonicMs'>;
}

/** `lease.json` as it can be read. */
export interface NamedLease {
  readonly document: LeaseDocument;
  readonly etag: string;
}

/** `lease.json` as one request finds it. `etag` is what it takes to replace it; null where there is none. */
export type FoundLease =
  /** `ageMs` counts from its last write, both times by the store's clock in one answer. */
  (NamedLease & { readonly ageMs: number }) | { readonly document: null; readonly etag: string | null };

/** Rejects as the store does, and with `newer-format` for a document that this build can't read. */
export async function readLease({ store, run }: LeaseAccess, call: CallOptions = {}): Promise<FoundLease> {
  const key = runKeys(run).lease;
  try {
    const { info, body, serverTimeMs } = await store.get(key, call);
    const document = documentIn(await collect(body), key);
    const { etag } = info;
    return document === null ? { document, etag } : { document, etag, ageMs: serverTimeMs - info.lastModifiedMs };
  } catch (error) {
    if (isStoreError(error, 'missing')) return { document: null, etag: null };
    throw error;
  }
}

/** Null when it is damaged. */
function documentIn(bytes: Uint8Array, key: string): LeaseDocument | null {
  try {
    return decodeDocument(leaseDocument, bytes, key);
  } catch (error) {
    if (isRunctlError(error, 'internal')) return null;
    throw error;
  }
}

/** Whether somebody holds a lease: nobody else may take it. `ageMs` by the store's clock. */
export function isLeaseHeld(lease: { readonly document: LeaseDocument; readonly ageMs: number } | null): boolean {
  return lease !== null && !lease.document.released && lease.ageMs <= lease.document.ttlMs;
}

/** Whether the holder with this nonce wrote it, and has not released it. */
export function isOwn(document: LeaseDocument, nonce: string): boolean {
  return document.nonce === nonce && !document.released;
}

export function holderOf({ owner, generation }: LeaseDocument): Holder {
  return { owner, generation };
}

export type WriteOutcome =
  | { readonly won: true; readonly lease: HeldLease; readonly sentAtMs: number }
  | { readonly won: false; readonly current: FoundLease | NamedLease };

export interface LeaseWrite {
  readonly document: Omit<LeaseDocument, 'renewal'>;
  /** Of what it replaces; null where there must be none. */
  readonly etag: string | null;
  /** The last version that the writer knows of. */
  readonly before: LeaseDocument | null;
}

/** Rejects as the store does: the lease may be written then. */
export async function writeLease(
  { store, run, clock }: LeaseAccess,
  { document, etag, before }: LeaseWrite,
  call: CallOptions,
): Promise<WriteOutcome> {
  const key = runKeys(run).lease;
  const written = { ...document, renewal: nextRenewal(before) };
  const sentAtMs = clock.monotonicMs();
  const when = etag === null ? ({ absent: true } as const) : { etag };
  const outcome = await compareAndSet(store, { key, body: encodeDocument(leaseDocument, written), ...call, when });
  const { generation, nonce } = document;
  if (outcome.won)
    return { won: true, lease: { generation, nonce, written: { document: written, etag: outcome.etag } }, sentAtMs };
  if (outcome.current === null) return { won: false, current: { document: null, etag: null } };
  const { bytes, etag: etagNow } = outcome.current;
  const now = documentIn(bytes, key);
  return { won: false, current: now === null ? { document: now, etag: etagNow } : { document: now, etag: etagNow } };
}

/**
 * Every write must differ in its bytes, also from one that another process with the same nonce makes on the same base
 * (an agent that is restarted while its predecessor's request is still under way): equal bytes have equal etags in S3,
 * and would be taken for one's own success. Hence a random stride.
 */
function nextRenewal(before: LeaseDocument | null): number {
  return (before?.renewal ?? 0) + 1 + randomInt(1 << 20);
}
