import type { ProviderAccount } from './account.ts';
import type { ProviderAbilities } from './abilities.ts';
import type {
  CapacityRef,
  CapacityRequest,
  CapacityState,
  LaunchTarget,
  LaunchedCapacity,
  ReportedEvents,
  RentedMachine,
} from './capacity.ts';
import type { MarketSwitch, PriceHistory, RemoteShell } from './facets.ts';
import type { Offer, OfferWish, TargetWish } from './offer.ts';
import type { Preflight } from './preflight.ts';

/**
 * Who rents machines. What each provider does for each method stands in docs/providers.md.
 *
 * Every call rejects with a RunctlError alone. Any call: `no-credentials`, `credentials-expired`, `access-denied`; and
 * `cloud-unreachable` or `cloud-error`, after which nobody knows whether a call that changes something took effect. Reads
 * that are throttled are repeated a few times before they reject. Adapters keep no state that outlives the process: what a
 * provider must remember is in `LaunchTarget` and `CapacityRef`, or with the provider itself.
 */
export interface Provider {
  /** As documents name it: `aws`, `memory`. */
  readonly name: string;
  /** Where this provider rents, in its own words: a region. For messages. */
  readonly place: string;
  readonly can: ProviderAbilities;

  /**
   * What can be had for a wish, cheapest first, unknown prices last; never empty. A read. Capacity is not promised: an offer
   * may turn out to be taken. Errors: `instance-type-unknown` (names the nearest), `pool-invalid` when the types exist and
   * are not sold in this market, nowhere allowed, not of this architecture or not of a single one, or lack what is needed, `config-invalid` for settings that name what does not exist.
   */
  offers(wish: OfferWish): Promise<readonly Offer[]>;

  /**
   * Resolves all that a launch of these offers needs, and proves as far as reading can that it exists. Costs nothing, makes
   * nothing. Errors: `config-invalid`, `config-missing`.
   */
  target(wish: TargetWish, offers: readonly Offer[]): Promise<LaunchTarget>;

  /**
   * Makes the capacity of a launch. Idempotent: the same request with the same token gives the same capacity, also from
   * another laptop and after a lost answer. Where `can.recovers` is `by-itself` it resolves as soon as the provider has taken
   * the wish: that there is no machine to be had, or that machines of the target can't be made, may show in `events` alone.
   * Elsewhere it resolves when the machines are ordered, and rejects with `no-capacity`.
   * Errors: `no-capacity`, `quota-exceeded`, `config-invalid`, `pool-invalid`, `user-data-too-large`. After an error that is
   * certain nothing may be left that costs money but what `end` of the launch removes.
   */
  launch(request: CapacityRequest): Promise<CapacityRef>;

  /**
   * The capacity of a launch whose reference was never stored, by what the provider itself remembers (tags, names). A read;
   * finds launches of every release. Null when there is none, and also for a moment after `launch`: a launch whose answer
   * was lost is asked for by repeating it. Of a launch that was made again with another token, the one that is `active`.
   */
  find(run: string, launch: number): Promise<CapacityRef | null>;

  /** How a launch stands. A read, called every few seconds while somebody watches. `unknown` is an answer, not an error. */
  state(ref: CapacityRef): Promise<CapacityState>;

  /**
   * What the provider reports of a launch since `sinceMs`. A read, called every few seconds. Events may come late: who looks
   * again begins at `nextSinceMs`, and meets some a second time. Empty where a provider reports nothing, and for a reference
   * that it does not know.
   */
  events(ref: CapacityRef, sinceMs: number): Promise<ReportedEvents>;

  /**
   * Machines of a run (of all runs of runctl when omitted), oldest first, ended ones as long as the provider shows them. A
   * read, called every few seconds; a machine that was just made may be missing.
   */
  machines(run?: string): Promise<readonly RentedMachine[]>;

  /**
   * Ends a launch: nothing more is made, and with `terminate` its machines end too. Removes whatever else the launch left at
   * the provider. Resolves when the provider has confirmed it; machines need a moment, so look at `machines`. Idempotent: a
   * launch that has ended, or that never was, is done; with `terminate` after an end without, the machines that stayed end.
   * By its `ref` a launch is ended also when the provider does not show it yet, which may take half a minute. Errors:
   * `access-denied` names machines that stayed and that these rights can't end. With a `ref` of null it finds the launch as `find` does: this, `find`
   * and `machines` suffice to end a run of any older release, of which no document can be read.
   */
  end(launched: LaunchedCapacity, options: { readonly terminate: boolean }): Promise<void>;

  /** A target in a few words for people, such as its image. Makes no call. Errors: `internal` for another provider's target. */
  describe(target: LaunchTarget): string;

  /** By what people find a capacity in the provider's own tools. Makes no call. Errors: `internal` for another provider's reference. */
  nameOf(ref: CapacityRef): string;

  /** Gives connections back. No call may follow. */
  close(): void;

  /** Present where a launch can go on in another market. */
  readonly markets?: MarketSwitch;
  /** Present where an account can be looked at before it is used. */
  readonly account?: ProviderAccount;
  /** Present where more can be looked at before a launch than that its target exists. */
  readonly preflight?: Preflight;
  /** Present where the provider tells what machines have cost. */
  readonly prices?: PriceHistory;
  /** Present where machines take scripts from outside. */
  readonly shell?: RemoteShell;
}
