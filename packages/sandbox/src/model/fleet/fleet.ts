import type { SpotStrategy } from './fleet-plan.ts';
import type { Tags } from '../ec2/tags.ts';

export type FleetType = 'maintain' | 'request' | 'instant';

/**
 * submitted ──► active ◄──► modifying
 *    │            │
 *    └────────────┴──► deleted_running | deleted_terminating ──► deleted      (DeleteFleets, or the fleet expired)
 */
export type FleetPhase = 'submitted' | 'active' | 'modifying' | 'deleted_running' | 'deleted_terminating' | 'deleted';

export interface FleetOverride {
  readonly instanceType: string | null;
  readonly maxPrice: string | null;
  /** One subnet, or several with commas. */
  readonly subnetId: string | null;
  readonly zoneName: string | null;
  readonly weightedCapacity: number | null;
  readonly priority: number | null;
  /** `instant` fleets only. */
  readonly imageId: string | null;
}

export interface FleetTemplate {
  readonly id: string | null;
  readonly name: string | null;
  readonly version: string;
  /** Never empty: without overrides it holds one that overrides nothing. */
  readonly overrides: readonly FleetOverride[];
}

export interface FleetCapacity {
  readonly total: number;
  readonly onDemand: number;
  readonly spot: number;
  readonly defaultMarket: 'spot' | 'on-demand';
}

export interface FleetConfig {
  readonly type: FleetType;
  readonly clientToken: string;
  readonly templates: readonly FleetTemplate[];
  readonly capacity: FleetCapacity;
  readonly spotStrategy: SpotStrategy;
  readonly onDemandStrategy: 'lowest-price' | 'prioritized';
  /** Units below which an instant fleet launches nothing. */
  readonly minimumSpot: number | null;
  readonly excessPolicy: 'termination' | 'no-termination';
  readonly terminateOnExpiry: boolean;
  readonly replaceUnhealthy: boolean;
  readonly validFromMs: number | null;
  readonly validUntilMs: number | null;
  readonly tags: Tags;
  /** Tags that an instant fleet puts on its instances. */
  readonly instanceTags: ReadonlyMap<string, Tags>;
  readonly context: string | null;
}

/**
 * As answers spell it, not as the API's model does: `fleetRequestChange` stands in AWS's own example of the command line,
 * `error` and `information` in histories that people made public.
 */
export type FleetEventType = 'instanceChange' | 'fleetRequestChange' | 'error' | 'information';

export interface FleetHistoryEntry {
  readonly atMs: number;
  readonly type: FleetEventType;
  readonly subType: string;
  readonly description: string;
  readonly instanceId: string | null;
}

/** A launch that an instant fleet could not make, and its pool. */
export interface FleetLaunchError {
  readonly market: 'spot' | 'on-demand';
  readonly template: FleetTemplate;
  readonly override: FleetOverride;
  readonly code: string;
  readonly message: string;
}

export interface FleetLaunch {
  readonly market: 'spot' | 'on-demand';
  readonly template: FleetTemplate;
  readonly override: FleetOverride;
  readonly instanceType: string;
  readonly instanceIds: readonly string[];
}

export interface Fleet {
  readonly id: string;
  readonly createdAtMs: number;
  readonly history: FleetHistoryEntry[];
  readonly tags: Tags;
  config: FleetConfig;
  state: FleetPhase;
  /** The last pass met an error. */
  failing: boolean;
  /** Filled for an instant fleet only. */
  readonly errors: FleetLaunchError[];
  readonly launches: FleetLaunch[];
  /** Units that a `request` fleet has obtained; it does not replace what it loses. */
  obtained: { spot: number; onDemand: number };
  /** Weight and pool of each member, by instance id. */
  readonly members: Map<string, { readonly weight: number; readonly poolKey: string }>;
  retry: (() => void) | null;
  /** Pools that the fleet does not try before a time, by their rest key. */
  readonly resting: Map<string, number>;
  /** What was said lately of each pool, and until when it is not said again. */
  readonly said: Map<string, number>;
}

export function isFleetLive(fleet: Fleet): boolean {
  return fleet.state === 'submitted' || fleet.state === 'active' || fleet.state === 'modifying';
}
