import type { ErrorCode } from '@runctl/core';
import type { Market, Opaque } from '@runctl/protocol';
import type { BootRequest } from '../boot/boot-request.ts';
import type { Offer } from './offer.ts';

/**
 * All that a launch needs besides its offers, resolved and known to exist. JSON that only its provider reads; it is stored in
 * the launch's intent, so that a launch can be repeated by another laptop.
 */
export type LaunchTarget = Readonly<Opaque>;

/** Under what name the provider knows the capacity of a launch. JSON that only its provider reads; stored in the bucket. */
export type CapacityRef = Readonly<Opaque>;

/** A launch of a run. `ref` is null where it was never learned: the provider then looks for it by run and launch. */
export interface LaunchedCapacity {
  readonly run: string;
  readonly launch: number;
  readonly ref: CapacityRef | null;
}

export interface CapacityRequest {
  /** Makes the call idempotent: at most 56 characters of `a-z 0-9 -`, unique to the launch. */
  readonly token: string;
  readonly run: string;
  readonly launch: number;
  /** Shown beside the run's id where the provider shows names. */
  readonly runName: string | null;
  readonly project: string;
  readonly user: string;
  readonly target: LaunchTarget;
  /** What each machine does to become an agent. The adapter decides how the machine gets it. */
  readonly boot: BootRequest;
  /** Where machines may be; at least one. */
  readonly offers: readonly Offer[];
  readonly market: Market;
  /** Whether `markets.switchTo` may follow; left out, it does not. */
  readonly mayChangeMarket?: boolean;
  readonly nodes: number;
  /** No machine of the launch may run after this, where the provider can end it (`can.expires`). */
  readonly validUntilMs: number;
}

/**
 *     active ──► ending ──► ended
 *
 * `active`: machines are made until there are as many as wanted. `ending`: no more are made, some may still run. `ended`:
 * over for good. `unknown`: the provider does not know the reference, not yet or no longer.
 */
export type CapacityStatus = 'active' | 'ending' | 'ended' | 'unknown';

export interface CapacityState {
  readonly status: CapacityStatus;
  /** Machines that should run, and that do as far as the provider counts them; 0 when `unknown`. */
  readonly wanted: number;
  readonly running: number;
  /** The provider's own word for the state, for people; null when it has none. */
  readonly providerWord: string | null;
}

/** Something that the provider reports of a launch. */
export interface ProviderEvent {
  readonly atMs: number;
  /** `error`: a machine could not be made. `machine`: one came or went. `state`: of the launch itself. */
  readonly kind: 'error' | 'machine' | 'state' | 'information';
  /** The provider's own code: `spotInstanceCountLimitExceeded`, `launched`. */
  readonly code: string;
  /** Of an `error`, which of our codes it is; null otherwise. */
  readonly errorCode: ErrorCode | null;
  /** What can be done about an `error`; null when there is nothing to say. */
  readonly hint: string | null;
  /** A sentence for people, in the provider's own words; may be empty. */
  readonly message: string;
  readonly machineId: string | null;
  /** The offer that it is about; null when it is about the launch as a whole, or when the provider does not say. */
  readonly offer: EventOffer | null;
  /** Of an `error`: the market that it is about; null when it is about both, or when the provider does not say. */
  readonly market: Market | null;
  /** Of an `error`: the provider tries this offer not before then; null when it does not say. */
  readonly restsUntilMs: number | null;
  /** Of an `error`: the provider says that it makes no machine of the launch, anywhere, as long as this lasts. */
  readonly blocksLaunch: boolean;
  /** Of an `error`: what its words tell of how long it holds; left out where they tell nothing. */
  readonly nature?: ProblemNature;
}

/**
 * `lasting`: a quota that is too small for any machine, so that none that ends makes room. `settling`: it may speak of what was
 * made a moment ago and is not known everywhere yet. `no-reason`: it gives none of its own; what it shows is that of an error
 * before, of which only that one is the proof.
 */
export type ProblemNature = 'lasting' | 'settling' | 'no-reason';

export interface EventOffer {
  readonly machineType: string;
  /** Null when every location of the type is meant, or when the provider names none. */
  readonly location: string | null;
}

/** What a provider reported of a launch, and where the next look begins. */
export interface ReportedEvents {
  /** Oldest first. */
  readonly events: readonly ProviderEvent[];
  /** A look since then misses no event that comes late; it may see events once more. */
  readonly nextSinceMs: number;
}

export type MachineState = 'starting' | 'running' | 'ending' | 'stopped' | 'ended';

/**
 * Why a machine ended. `taken-back` and `no-capacity`: the provider had no room for it, or none any more. `powered-off`: by
 * itself. `ended`: by somebody who asked the provider. `failed`: it could not be started, or its host failed.
 */
export interface MachineEndCause {
  readonly kind: 'taken-back' | 'no-capacity' | 'powered-off' | 'ended' | 'failed' | 'unknown';
  /** For people, a clause without a full stop. */
  readonly text: string;
  /** What to do about it; null when there is nothing to do, or nothing is known. */
  readonly hint: string | null;
}

/** A machine as its provider describes it. */
export interface RentedMachine {
  readonly machineId: string;
  readonly state: MachineState;
  readonly machineType: string;
  readonly location: string;
  readonly market: Market;
  readonly addresses: { readonly private: string | null; readonly public: string | null };
  readonly launchedAtMs: number;
  /** The provider's own word for why it ends or has ended: `Server.SpotInstanceTermination`. */
  readonly endReason: string | null;
  /** The same in words of ours; null as long as there is none. */
  readonly endCause: MachineEndCause | null;
  /** Null when the machine does not say whose it is. */
  readonly run: string | null;
  readonly launch: number | null;
}
