import { FORMAT_VERSION, type LeaseDocument } from '@runctl/protocol';
import type { CallOptions } from '@runctl/store';
import {
  type FoundLease,
  holderOf,
  isLeaseHeld,
  isOwn,
  type LeaseAccess,
  type NamedLease,
  readLease,
  writeLease,
} from './lease-document.ts';
import type { HeldLease, Holder } from './lease-machine.ts';
import { highestShownGeneration } from './shown-generation.ts';

/** Who asks for the lease. The nonce is the machine's, kept over restarts of the agent. */
export interface LeaseClaim {
  readonly owner: string;
  readonly nonce: string;
  readonly launch: number;
  readonly nodes: number;
  readonly ttlMs: number;
}

export type AcquireOutcome =
  | { readonly type: 'acquired'; readonly lease: HeldLease; readonly sentAtMs: number }
  /** `holder` is null where the lease is lost: absent or damaged, in a run that had holders. */
  | { readonly type: 'refused'; readonly holder: Holder | null };

export type RenewOutcome =
  | { readonly type: 'renewed'; readonly lease: HeldLease; readonly sentAtMs: number }
  | { readonly type: 'fenced'; readonly by: Holder | null }
  /** The lease is lost, and another may hold it (see `LossFacts`): nothing was written. */
  | { readonly type: 'refused'; readonly holder: null };

/** What a machine knows of a lease that it finds lost, in milliseconds of its monotonic clock. */
export interface LossFacts {
  /** For how long it has found the lease lost without a gap; 0 when it did not at its last request. */
  readonly lostForMs: number;
  /** Since the sending of its last write of the lease; Infinity when it does not know of any. */
  readonly sinceWrittenMs: number;
}

/**
 * One try. The generation grows with each new holder and stays when the nonce is that of the holder, however old its last
 * renewal. After a release it grows for the same machine too, since nothing of a released generation is published again.
 * A new generation is above everything that the run shows (`highestShownGeneration`). A lost lease is refused until it
 * was lost for `ttlMs` (`lostForMs`, of this machine's clock): its holder may live, and writes it anew within that time.
 * A rejection leaves open whether the lease was taken.
 */
export async function tryAcquireLease(
  access: LeaseAccess,
  claim: LeaseClaim,
  options: CallOptions & Partial<Pick<LossFacts, 'lostForMs'>> = {},
): Promise<AcquireOutcome> {
  const { lostForMs = 0, ...call } = options;
  for (;;) {
    const found = await readLease(access, call);
    const shown = () => highestShownGeneration(access, call.signal);
    const isHolder = found.document !== null && isOwn(found.document, claim.nonce);
    const own = isHolder && (await shown()) <= found.document.generation;
    if (found.document !== null && !own && isLeaseHeld(found))
      return { type: 'refused', holder: holderOf(found.document) };
    const generation = own ? found.document.generation : Math.max(found.document?.generation ?? 0, await shown()) + 1;
    // A damaged document is itself the sign of a holder; an absent one of a first generation is none.
    const hadHolder = found.etag !== null || generation > 1;
    if (found.document === null && hadHolder && lostForMs < claim.ttlMs) return { type: 'refused', holder: null };
    const document = { ...documentOf(claim, { generation, nonce: claim.nonce }), released: false };
    const written = await writeLease(access, { document, etag: found.etag, before: found.document }, call);
    if (written.won) return { type: 'acquired', lease: written.lease, sentAtMs: written.sentAtMs };
    // Somebody was faster. If it was an earlier try of this machine, or is gone by now, the next look tells.
    const current = written.current.document;
    if (current !== null && !isOwn(current, claim.nonce) && !current.released)
      return { type: 'refused', holder: holderOf(current) };
  }
}

export interface OwnLease {
  readonly lease: HeldLease;
  readonly claim: Omit<LeaseClaim, 'nonce'>;
}

/** A call of the holder, with what it knows; left out: it has written the lease a moment ago. */
type HolderCall = CallOptions & { readonly loss?: LossFacts };

/**
 * One try of the holder. Earlier renewals whose answers were lost are recognised by the nonce and built upon. A lease that
 * was lost meanwhile is written anew; by a holder that was cut off for longer than `ttlMs`, only once the lease has been
 * lost for `ttlMs`: another may have taken it and show nothing yet, and writes it anew within that time. `fenced` when
 * the lease is another's, was released, or the run shows a higher generation beside a lease that this holder did not
 * write last.
 */
export async function renewLease(access: LeaseAccess, own: OwnLease, call: HolderCall = {}): Promise<RenewOutcome> {
  return overwriteOwn(access, own, { ...call, released: false });
}

/** Lets others take the lease at once. One that another has by now, or may have by `renewLease`'s rule, is left alone. */
export async function releaseLease(access: LeaseAccess, own: OwnLease, call: HolderCall = {}): Promise<void> {
  await overwriteOwn(access, own, { ...call, released: true });
}

async function overwriteOwn(
  access: LeaseAccess,
  { lease, claim }: OwnLease,
  { released, loss, ...call }: HolderCall & { readonly released: boolean },
): Promise<RenewOutcome> {
  let found: FoundLease | NamedLease = lease.written ?? (await readLease(access, call));
  for (;;) {
    if (found.document !== null && !isOfHolder(found.document, lease))
      return { type: 'fenced', by: holderOf(found.document) };
    // What this holder did not write last may be an old version that somebody has put back.
    if (found !== lease.written && (await highestShownGeneration(access, call.signal)) > lease.generation)
      return { type: 'fenced', by: null };
    if (found.document === null && loss !== undefined && mayBeTaken(loss, claim.ttlMs))
      return { type: 'refused', holder: null };
    const before: LeaseDocument | null = found.document ?? lease.written?.document ?? null;
    const document = { ...(before ?? documentOf(claim, lease)), released };
    const written = await writeLease(access, { document, etag: found.etag, before }, call);
    if (written.won) return { type: 'renewed', lease: written.lease, sentAtMs: written.sentAtMs };
    found = written.current;
  }
}

/** Whether a lost lease may have been taken by another, who would write it anew within `ttlMs`. */
function mayBeTaken({ lostForMs, sinceWrittenMs }: LossFacts, ttlMs: number): boolean {
  return sinceWrittenMs > ttlMs && lostForMs < ttlMs;
}

function isOfHolder(document: LeaseDocument, { generation, nonce }: HeldLease): boolean {
  return isOwn(document, nonce) && document.generation === generation;
}

function documentOf(
  { launch, nodes, owner, ttlMs }: Omit<LeaseClaim, 'nonce'>,
  { generation, nonce }: Pick<HeldLease, 'generation' | 'nonce'>,
) {
  return { version: FORMAT_VERSION, generation, launch, nodes, owner, nonce, ttlMs } as const;
}
