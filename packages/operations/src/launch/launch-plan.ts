import type { Hint } from '@runctl/core';
import type { LaunchTarget, MachineNeed, Offer, OfferWish, ProviderAbilities } from '@runctl/provider';
import type { Market, RunSpec } from '@runctl/protocol';
import type { Snapshot, Start } from '@runctl/workspace';
import type { LastRun } from './last-run.ts';

/** On which machines a person wants to run. */
export interface MachineWish {
  /** Empty = those that the provider chooses for trainings. */
  readonly machineTypes: readonly string[];
  /** What each type must have, also one that is named; null = whatever it has. */
  readonly gpus: MachineNeed['gpus'];
  readonly cpus: MachineNeed['cpus'];
  readonly memoryGiB: MachineNeed['memoryGiB'];
  readonly architecture: OfferWish['architecture'];
  /** Null = the one that suits the machine types. */
  readonly image: string | null;
  /** Null = as the image has it. */
  readonly rootDiskGiB: number | null;
  /** What the configuration says for this provider alone. */
  readonly providerSettings: Readonly<Record<string, unknown>>;
  readonly maxRuntimeMs: number;
  /** USD per hour to count with where no price is known; null = a budget then can't be kept. */
  readonly assumedPriceUsd: number | null;
}

/** What a person wants to run, after configuration and flags were merged. */
export interface LaunchWish extends MachineWish {
  readonly env: Readonly<Record<string, string>>;
  readonly name: string | null;
  /** Null = spot where the provider sells it, else what it sells. */
  readonly market: Market | null;
  /** Null = stay on spot. */
  readonly onDemandAfterMs: number | null;
  readonly checkpoint: RunSpec['checkpoint'];
  readonly policy: RunSpec['policy'];
  readonly timeScale: number;
  /** Whoever launches it ends it when its machines boot and never speak. */
  readonly checkFirstBoot: boolean;
}

/** Where a launch may run, and all that it needs there. */
export interface LaunchPlace {
  readonly market: Market;
  /** Cheapest first, never empty. */
  readonly offers: readonly Offer[];
  /** The same in the market that the launch may go on in; empty where it may not. */
  readonly fallbackOffers: readonly Offer[];
  /** Of all offers, and so of the tools. */
  readonly architecture: 'x64' | 'arm64';
  readonly target: LaunchTarget;
  /** How much of it the account may have, as far as that was told; for people, a clause each. */
  readonly quotas: readonly string[];
  /** What a check of it could not rule out, or left out; for people, a sentence each. */
  readonly warnings: readonly string[];
}

/** All that is shown before money is spent. */
export interface LaunchPlan extends LaunchPlace {
  readonly start: Start;
  readonly snapshot: Snapshot;
  readonly wish: LaunchWish;
  readonly provider: PlannedProvider;
  readonly detach: boolean;
  /** The end of the launch, whatever its agent does, where the provider can end it. */
  readonly endsAfterMs: number;
  readonly lastRun: LastRun | null;
}

/** What a plan says of who rents the machines. */
export interface PlannedProvider {
  readonly name: string;
  readonly place: string;
  readonly can: ProviderAbilities;
  /** The launch can go on in another market when spot has nothing. */
  readonly switchesMarket: boolean;
  /** The target, for people. */
  readonly target: string;
  /** Which promises of runctl do not hold with it, and why. */
  readonly missing: readonly Hint[];
}
