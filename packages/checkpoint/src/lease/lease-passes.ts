import { randomInt } from 'node:crypto';
import type { Clock } from '@runctl/core';
import { decodeDocument, encodeDocument, FORMAT_VERSION, leaseDocument, type LeaseDocument } from '@runctl/protocol';
import { type CallOptions, collect, compareAndSet, isStoreError, type ObjectStore } from '@runctl/store';
import type { HeldLease, Holder } from './lease-machine.ts';

/** Where a run's lease lies and the clock that its requests are timed with. */
export interface LeasePlace {
  readonly store: ObjectStore;
  readonly key: string;
  readonly clock: Pick<Clock, 'monotonicMs'>;
}

export interface LeaseReading {
  readonly document: LeaseDocument;
  readonly etag: string;
  /** Since its last write, both times by the store's clock in one answer. */
  readonly ageMs: number;
}

/** Who asks for the lease. The nonce is the machine's, kept over restarts of the agent. */
export interface LeaseClaim {
  readonly owner: string;
  readonly nonce: string;
  readonly launch: number;
  readonly nodes: number;
  readonly ttlMs: number;
  /** Known from elsewhere (what was published): a lease that is lost or wiped must not begin again below it. */
  readonly lastGeneration?: number;
}

export type AcquireOutcome =
  | { readonly type: 'acquired'; readonly lease: HeldLease; readonly sentAtMs: number }
  | { readonly type: 'refused'; readonly holder: Holder };

export type RenewOutcome =
  | { readonly type: 'renewed'; readonly lease: HeldLease; readonly sentAtMs: number }
  | { readonly type: 'fenced'; readonly by: Holder | null };

/** The lease as it stands, or null when nobody ever had it. Rejects as the store does, and for a document it can't read. */
export async function readLease(place: LeasePlace, options: CallOptions = {}): Promise<LeaseReading | null> {
  try {
    const { info, body, serverTimeMs } = await place.store.get(place.key, options);
    const document = decodeDocument(leaseDocument, await collect(body), place.key);
    return { document, etag: info.etag, ageMs: serverTimeMs - info.lastModifiedMs };
  } catch (error) {
    if (isStoreError(error, 'missing')) return null;
    throw error;
  }
}

/** True when anyone may take the lease. */
export function isLeaseFree({ document, ageMs }: LeaseReading): boolean {
  return document.released || ageMs > document.ttlMs;
}

/**
 * One try. The generation grows with each new holder and stays when the nonce is that of the holder, however old its last
 * renewal. After a release it grows for the same machine too, since nothing of a released generation is published again.
 * A rejection leaves open whether the lease was taken.
 */
export async function tryAcquireLease(
  place: LeasePlace,
  claim: LeaseClaim,
  options: CallOptions = {},
): Promise<AcquireOutcome> {
  for (;;) {
    const reading = await readLease(place, options);
    const own = reading !== null && isOwn(reading.document, claim.nonce);
    if (reading !== null && !own && !isLeaseFree(reading))
      return { type: 'refused', holder: holderOf(reading.document) };
    const { nonce, owner, launch, nodes, ttlMs } = claim;
    const before = reading?.document.generation ?? 0;
    const generation = own ? before : Math.max(before, claim.lastGeneration ?? 0) + 1;
    const renewal = nextRenewal(reading?.document ?? null);
    const document = { version: FORMAT_VERSION, generation, launch, nodes, owner, nonce, renewal, ttlMs } as const;
    const written = await write(place, { ...document, released: false }, reading?.etag ?? null, options);
    if (written.won) return { type: 'acquired', ...written.held };
    // Somebody was faster. If it was an earlier try of this machine, or is gone by now, the next look tells.
    const current = written.current?.document;
    if (current !== undefined && !isOwn(current, nonce) && !current.released) {
      return { type: 'refused', holder: holderOf(current) };
    }
  }
}

/**
 * One try of the holder. Earlier renewals whose answers were lost are recognised by the nonce and built upon. `fenced`
 * when the lease is another's, was released, or is gone.
 */
export async function renewLease(
  place: LeasePlace,
  lease: HeldLease,
  options: CallOptions = {},
): Promise<RenewOutcome> {
  let base = lease.written ?? (await ownWritten(place, lease, options));
  for (;;) {
    if (base === null || 'by' in base) return { type: 'fenced', by: base?.by ?? null };
    const document = { ...base.document, renewal: nextRenewal(base.document) };
    const written = await write(place, document, base.etag, options);
    if (written.won) return { type: 'renewed', ...written.held };
    base = asOwn(written.current, lease);
  }
}

/** Lets others take the lease at once. One that another has by now, or that is gone, is left alone. */
export async function releaseLease(place: LeasePlace, lease: HeldLease, options: CallOptions = {}): Promise<void> {
  let base = lease.written ?? (await ownWritten(place, lease, options));
  while (base !== null && 'document' in base) {
    const document = { ...base.document, renewal: nextRenewal(base.document), released: true };
    const written = await write(place, document, base.etag, options);
    if (written.won) return;
    base = asOwn(written.current, lease);
  }
}

interface Written {
  readonly document: LeaseDocument;
  readonly etag: string;
}

type WriteOutcome =
  | { readonly won: true; readonly held: { readonly lease: HeldLease; readonly sentAtMs: number } }
  | { readonly won: false; readonly current: Written | null };

async function write(
  place: LeasePlace,
  document: LeaseDocument,
  etag: string | null,
  options: CallOptions,
): Promise<WriteOutcome> {
  const sentAtMs = place.clock.monotonicMs();
  const body = encodeDocument(leaseDocument, document);
  const when = etag === null ? ({ absent: true } as const) : { etag };
  const outcome = await compareAndSet(place.store, place.key, body, { ...options, when });
  if (outcome.won) {
    const { generation, nonce } = document;
    return { won: true, held: { lease: { generation, nonce, written: { document, etag: outcome.etag } }, sentAtMs } };
  }
  if (outcome.current === null) return { won: false, current: null };
  const current = decodeDocument(leaseDocument, outcome.current.bytes, place.key);
  return { won: false, current: { document: current, etag: outcome.current.etag } };
}

async function ownWritten(
  place: LeasePlace,
  lease: HeldLease,
  options: CallOptions,
): Promise<Written | { readonly by: Holder } | null> {
  return asOwn(await readLease(place, options), lease);
}

function asOwn(current: Written | null, lease: HeldLease): Written | { readonly by: Holder } | null {
  if (current === null) return null;
  const own = isOwn(current.document, lease.nonce) && current.document.generation === lease.generation;
  return own ? current : { by: holderOf(current.document) };
}

function isOwn(document: LeaseDocument, nonce: string): boolean {
  return document.nonce === nonce && !document.released;
}

function holderOf({ owner, generation }: LeaseDocument): Holder {
  return { owner, generation };
}

/**
 * Every write must differ in its bytes, also from one that another process with the same nonce makes on the same base
 * (an agent that is restarted while its predecessor's request is still under way): equal bytes have equal etags in S3,
 * and would be taken for one's own success. Hence a random stride.
 */
function nextRenewal(before: LeaseDocument | null): number {
  return (before?.renewal ?? 0) + 1 + randomInt(1 << 20);
}
