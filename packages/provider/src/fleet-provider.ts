import type { Market } from '@runctl/protocol';

/** Type of machine × zone × market, with its price per hour. */
export interface Pool {
  readonly machineType: string;
  readonly location: string;
  readonly subnetId: string | null;
  readonly market: Market;
  readonly pricePerHourUsd: number | null;
}

/** An instance as EC2 describes it. */
export interface CloudInstance {
  readonly machineId: string;
  readonly state: 'pending' | 'running' | 'shutting-down' | 'stopping' | 'stopped' | 'terminated';
  readonly machineType: string;
  readonly location: string;
  readonly market: Market;
  readonly privateIp: string | null;
  readonly publicIp: string | null;
  readonly launchedAtMs: number;
  /** `Server.SpotInstanceTermination`, `Client.InstanceInitiatedShutdown`, … */
  readonly stateReason: string | null;
  readonly run: string | null;
  readonly launch: number | null;
  readonly fleetId: string | null;
}

/** What a fleet reports about itself; `error` events carry EC2's code, `no-capacity` and `quota` are told apart by it. */
export interface FleetEvent {
  readonly atMs: number;
  readonly kind: 'error' | 'instance' | 'state' | 'information';
  /** `InsufficientInstanceCapacity`, `launched`, `submitted`, … */
  readonly code: string;
  readonly message: string;
  readonly machineId: string | null;
}

export interface FleetState {
  readonly fleetId: string;
  /** `active`, `deleted_running`, … ; null when EC2 no longer knows it. */
  readonly state: string | null;
  readonly fulfilled: number;
}

export interface LaunchRequest {
  /** Makes the call idempotent: the same token gives the same fleet. */
  readonly clientToken: string;
  readonly run: string;
  readonly launch: number;
  readonly runName: string | null;
  readonly project: string;
  readonly user: string;
  readonly templateName: string;
  readonly imageId: string;
  readonly instanceProfile: string;
  readonly securityGroupIds: readonly string[];
  /** Raw user data, at most 16 KiB. */
  readonly userData: string;
  readonly rootVolumeGiB: number | null;
  readonly pools: readonly Pool[];
  readonly market: Market;
  readonly nodes: number;
  readonly validUntilMs: number;
}

/** Every call rejects with a RunctlError whose code tells what to do: no-capacity, quota-exceeded, pool-invalid, access-denied, credentials-expired, … */
export interface FleetProvider {
  readonly region: string;
  /** Pools that exist for the types, cheapest first; an unknown type is `instance-type-unknown` and names the nearest. */
  offers(
    instanceTypes: readonly string[],
    options: { market: Market; subnetIds: readonly string[] },
  ): Promise<readonly Pool[]>;
  /**
   * The AMI id of an id, an SSM parameter name, or null for the default image of the types' architecture. The image exists,
   * can be launched and fits the types, else `config-invalid`.
   */
  resolveImage(image: string | null, instanceTypes: readonly string[]): Promise<string>;
  /** Creates launch template and `maintain` fleet, both tagged. Idempotent per clientToken. */
  launch(request: LaunchRequest): Promise<{ readonly fleetId: string; readonly launchTemplateId: string }>;
  /** The fleet of a launch whose `machines.json` was never written, found by its tags; null when none was made. */
  findFleet(
    run: string,
    launch: number,
  ): Promise<{ readonly fleetId: string; readonly launchTemplateId: string } | null>;
  fleet(fleetId: string): Promise<FleetState>;
  /** Events since `sinceMs`, oldest first. */
  fleetEvents(fleetId: string, sinceMs: number): Promise<readonly FleetEvent[]>;
  /** Turns a spot fleet that found no capacity into an on-demand one. */
  switchToOnDemand(fleetId: string, nodes: number): Promise<void>;
  /** Instances of a run (of all runs when omitted), terminated ones as long as EC2 shows them. */
  instances(run?: string): Promise<readonly CloudInstance[]>;
  /** Deletes the fleet and its template; with `terminate` its instances too. Verified: a failure inside a 200 is an error. Idempotent. */
  deleteFleet(fleetId: string, options: { terminate: boolean; launchTemplateId: string | null }): Promise<void>;
  /** Deletes the template of a launch whose fleet was never made. Idempotent. */
  deleteTemplate(templateName: string): Promise<void>;
}

/** SSM Run Command: a shell script as root on the instance. */
export interface RemoteCommand {
  /** Errors: `agent-unreachable` when the instance does not answer or is gone. */
  run(
    machineId: string,
    script: string,
    options: { timeoutMs: number; signal?: AbortSignal },
  ): Promise<{ exitCode: number; stdout: string; stderr: string }>;
}
