import type { LeaseDocument } from '@runctl/protocol';

/**
 * Who may publish, decided without I/O.
 *
 *     absent ──want──▶ waiting ──acquired──▶ held ◀──renewed──┐
 *       ▲                 │ ▲                 │ │             │
 *       └────release──────┘ └─refused         │ └──45 s──▶ doubtful ◀──resume── (absent)
 *                                             │               │
 *                          lost ◀──fenced─────┴───────────────┤
 *                          released ◀──release────────────────┘
 *
 * A holder is in doubt once `publishWithinMs` have passed since it *sent* its last good renewal: another may take the
 * lease `ttlMs` after the store wrote that renewal, which is never before it was sent. In doubt it goes on training and
 * publishes nothing; a renewal may be refused then, where another may hold a lease that is lost. Lost and released are final; waiting again begins a new machine.
 */
export interface LeasePolicy {
  /** Written into the lease: others may take it this long after the last renewal, by the store's clock. */
  readonly ttlMs: number;
  readonly renewEveryMs: number;
  /** Counted from the sending of the last good renewal; below `ttlMs` by more than a second and by all clocks' drift. */
  readonly publishWithinMs: number;
  /** Pause after a try that failed or was refused. */
  readonly retryMs: number;
}

/** What a run's timing says about its lease. */
export function leasePolicyOf(timing: {
  readonly leaseTtlMs: number;
  readonly leaseRenewMs: number;
  readonly publishWithinMs: number;
}): LeasePolicy {
  const { leaseTtlMs: ttlMs, leaseRenewMs: renewEveryMs, publishWithinMs } = timing;
  return { ttlMs, renewEveryMs, publishWithinMs, retryMs: Math.min(2000, renewEveryMs / 4) };
}

export const leasePolicy: LeasePolicy = {
  ttlMs: 60_000,
  renewEveryMs: 15_000,
  publishWithinMs: 45_000,
  retryMs: 2000,
};

/** A lease as its holder knows it; `written` is null where only the nonce was kept, after a restart. */
export interface HeldLease {
  readonly generation: number;
  readonly nonce: string;
  readonly written: { readonly document: LeaseDocument; readonly etag: string } | null;
}

export interface Holder {
  readonly owner: string;
  readonly generation: number;
}

export type LeaseState =
  | { readonly phase: 'absent' }
  | { readonly phase: 'waiting'; readonly holder: Holder | null; readonly trying: boolean; readonly nextTryMs: number }
  | ({ readonly phase: 'held' } & Holding)
  | ({ readonly phase: 'doubtful' } & Holding)
  | { readonly phase: 'lost'; readonly generation: number; readonly by: Holder | null }
  | { readonly phase: 'released'; readonly lease: HeldLease; readonly confirmed: boolean };

export interface Holding {
  readonly lease: HeldLease;
  /** When the last good renewal was sent; minus infinity after a restart. */
  readonly renewedAtMs: number;
  readonly nextRenewalMs: number;
  readonly renewing: boolean;
}

/** All times are this machine's monotonic milliseconds. `sentAtMs` is taken before the request leaves. */
export type LeaseEvent =
  | { readonly type: 'want' }
  | { readonly type: 'resume'; readonly lease: HeldLease }
  | { readonly type: 'acquired'; readonly lease: HeldLease; readonly sentAtMs: number }
  /** A try, or a renewal of a lease that another may hold. `holder` is null where the lease is lost, so that nobody knows. */
  | { readonly type: 'refused'; readonly holder: Holder | null }
  | { readonly type: 'renewed'; readonly lease: HeldLease; readonly sentAtMs: number }
  | { readonly type: 'fenced'; readonly by: Holder | null }
  /** A try ended without an answer: it may or may not have taken effect. */
  | { readonly type: 'unanswered' }
  | { readonly type: 'release' }
  | { readonly type: 'release-settled' }
  | { readonly type: 'tick' };

/** Each of the first three is answered by exactly one event. A `wake` replaces the one before it; early ticks do no harm. */
export type LeaseEffect =
  | { readonly type: 'try' }
  | { readonly type: 'renew'; readonly lease: HeldLease }
  | { readonly type: 'release'; readonly lease: HeldLease }
  /** Kill the training, publish nothing. */
  | { readonly type: 'fence'; readonly by: Holder | null }
  | { readonly type: 'wake'; readonly atMs: number };

export interface LeaseStep {
  readonly state: LeaseState;
  readonly effects: readonly LeaseEffect[];
}

export const absentLease: LeaseState = { phase: 'absent' };

/** The generation under which the holder may publish at this instant, or null. */
export function mayPublish(state: LeaseState, nowMs: number, policy: LeasePolicy): number | null {
  if (state.phase !== 'held') return null;
  return nowMs < state.renewedAtMs + policy.publishWithinMs ? state.lease.generation : null;
}

export function stepLease(state: LeaseState, event: LeaseEvent, nowMs: number, policy: LeasePolicy): LeaseStep {
  switch (state.phase) {
    case 'absent':
      return whileAbsent(state, event, nowMs);
    case 'waiting':
      return whileWaiting(state, event, { nowMs, policy });
    case 'held':
    case 'doubtful':
      return whileHolding(state, event, { nowMs, policy });
    case 'lost':
      return stay(state);
    default:
      return whileReleased(state, event, { nowMs, policy });
  }
}

interface At {
  readonly nowMs: number;
  readonly policy: LeasePolicy;
}
type In<P extends LeaseState['phase']> = Extract<LeaseState, { phase: P }>;

function whileAbsent(state: In<'absent'>, event: LeaseEvent, nowMs: number): LeaseStep {
  switch (event.type) {
    case 'want':
      return {
        state: { phase: 'waiting', holder: null, trying: true, nextTryMs: nowMs },
        effects: [{ type: 'try' }],
      };
    case 'resume':
      return {
        state: {
          phase: 'doubtful',
          lease: event.lease,
          renewedAtMs: Number.NEGATIVE_INFINITY,
          nextRenewalMs: nowMs,
          renewing: false,
        },
        effects: [{ type: 'wake', atMs: nowMs }],
      };
    case 'acquired':
      // The answer to a try that was given up meanwhile: nobody wants it now.
      return { state: { phase: 'released', lease: event.lease, confirmed: false }, effects: [releaseOf(event.lease)] };
    default:
      return stay(state);
  }
}

function whileWaiting(state: In<'waiting'>, event: LeaseEvent, { nowMs, policy }: At): LeaseStep {
  switch (event.type) {
    case 'acquired':
      return hold(event, { nowMs, policy });
    case 'refused':
      return later({ ...state, holder: event.holder }, nowMs + policy.retryMs);
    case 'unanswered':
      return later(state, nowMs + policy.retryMs);
    case 'release':
      return stay({ phase: 'absent' });
    case 'tick':
      if (state.trying) return stay(state);
      // Timers may fire a little early.
      if (nowMs < state.nextTryMs) return later(state, state.nextTryMs);
      return { state: { ...state, trying: true }, effects: [{ type: 'try' }] };
    default:
      return stay(state);
  }
}

function whileHolding(state: In<'held' | 'doubtful'>, event: LeaseEvent, at: At): LeaseStep {
  const { nowMs, policy } = at;
  switch (event.type) {
    case 'renewed':
      return hold(event, at);
    case 'fenced':
      return {
        state: { phase: 'lost', generation: state.lease.generation, by: event.by },
        effects: [{ type: 'fence', by: event.by }],
      };
    case 'refused':
    case 'unanswered': {
      const nextRenewalMs = nowMs + policy.retryMs;
      return whileHolding({ ...state, renewing: false, nextRenewalMs }, { type: 'tick' }, at);
    }
    case 'release':
      return {
        state: { phase: 'released', lease: state.lease, confirmed: false },
        effects: [releaseOf(state.lease)],
      };
    case 'tick': {
      const inTime = nowMs < state.renewedAtMs + policy.publishWithinMs;
      const next = { ...state, phase: inTime ? state.phase : ('doubtful' as const) };
      if (state.renewing) return stay(next);
      if (nowMs < state.nextRenewalMs) return { state: next, effects: [wakeOf(next, at)] };
      return { state: { ...next, renewing: true }, effects: [{ type: 'renew', lease: state.lease }] };
    }
    default:
      return stay(state);
  }
}

function whileReleased(state: In<'released'>, event: LeaseEvent, { nowMs, policy }: At): LeaseStep {
  switch (event.type) {
    case 'release-settled':
      return stay({ ...state, confirmed: true });
    case 'unanswered':
      return { state, effects: [{ type: 'wake', atMs: nowMs + policy.retryMs }] };
    // The owner decides when it tries again.
    case 'tick':
      return { state, effects: state.confirmed ? [] : [releaseOf(state.lease)] };
    default:
      return stay(state);
  }
}

/** Holding from a write that was sent at `sentAtMs`; in doubt at once when its answer took too long. */
function hold({ lease, sentAtMs }: { readonly lease: HeldLease; readonly sentAtMs: number }, at: At): LeaseStep {
  const { nowMs, policy } = at;
  const inTime = nowMs < sentAtMs + policy.publishWithinMs;
  const nextRenewalMs = inTime ? Math.max(nowMs, sentAtMs + policy.renewEveryMs) : nowMs;
  const holding = { lease, renewedAtMs: sentAtMs, nextRenewalMs, renewing: false };
  return whileHolding({ phase: inTime ? 'held' : 'doubtful', ...holding }, { type: 'tick' }, at);
}

function wakeOf(state: Holding, { nowMs, policy }: At): LeaseEffect {
  const doubtMs = state.renewedAtMs + policy.publishWithinMs;
  return { type: 'wake', atMs: doubtMs > nowMs ? Math.min(doubtMs, state.nextRenewalMs) : state.nextRenewalMs };
}

function releaseOf(lease: HeldLease): LeaseEffect {
  return { type: 'release', lease };
}

function later(state: In<'waiting'>, nextTryMs: number): LeaseStep {
  return { state: { ...state, trying: false, nextTryMs }, effects: [{ type: 'wake', atMs: nextTryMs }] };
}

function stay(state: LeaseState): LeaseStep {
  return { state, effects: [] };
}
