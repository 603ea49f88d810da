import type { CloudInstance, FleetEvent, FleetProvider, LaunchRequest, Pool } from '@runctl/provider';
import { RunctlError, type Clock } from '@runctl/core';

interface Fleet {
  readonly request: LaunchRequest;
  state: string;
  onDemand: boolean;
}

/**
 * EC2's fleets as operations see them, in memory. Rules: the same client token gives the same fleet; a fleet makes one
 * machine at once unless it is told that there is no capacity or that its template is wrong; a deleted fleet makes none,
 * and `terminate` ends its machines; a switch to on-demand finds capacity.
 */
export class FakeFleets implements FleetProvider {
  readonly region = 'us-east-1';
  readonly fleets = new Map<string, Fleet>();
  /** Names of launch templates that are not deleted; a fleet's goes with it. */
  readonly templates = new Set<string>();
  readonly machines: CloudInstance[] = [];
  readonly events: FleetEvent[] = [];
  /** `none`: spot has nothing. `hopeless`: the template names what does not exist. */
  capacity: 'plenty' | 'none' | 'hopeless' = 'plenty';
  /** Thrown by the next launch, before or after the fleet was made. */
  launchFailure: { readonly error: Error; readonly fleetWasMade: boolean } | null = null;
  /** A new fleet is not shown yet: EC2 is eventually consistent. */
  hidesFleets = false;
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async offers(types: readonly string[], { market }: { market: Pool['market'] }): Promise<readonly Pool[]> {
    const unknown = types.find((type) => !/^[a-z]\w+\.\w+$/.test(type));
    if (unknown !== undefined) throw new RunctlError('instance-type-unknown', `there is no instance type ${unknown}`);
    return types.flatMap((machineType) =>
      ['us-east-1a', 'us-east-1b'].map((location) => ({
        machineType,
        location,
        subnetId: null,
        market,
        pricePerHourUsd: market === 'spot' ? 0.36 : 1.2,
      })),
    );
  }

  async resolveImage(image: string | null): Promise<string> {
    return image ?? 'ami-1';
  }

  async launch(request: LaunchRequest): Promise<{ fleetId: string; launchTemplateId: string }> {
    const failure = this.launchFailure;
    this.launchFailure = null;
    this.templates.add(request.templateName);
    if (failure !== null && !failure.fleetWasMade) throw failure.error;
    const fleetId = `fleet-${request.clientToken}`;
    if (!this.fleets.has(fleetId)) {
      this.fleets.set(fleetId, { request, state: 'active', onDemand: request.market === 'on-demand' });
      this.#fill(fleetId);
    }
    if (failure !== null) throw failure.error;
    return { fleetId, launchTemplateId: `lt-${request.clientToken}` };
  }

  async findFleet(run: string, launch: number): Promise<{ fleetId: string; launchTemplateId: string } | null> {
    for (const [fleetId, { request }] of this.hidesFleets ? [] : this.fleets)
      if (request.run === run && request.launch === launch)
        return { fleetId, launchTemplateId: `lt-${request.clientToken}` };
    return null;
  }

  async fleet(fleetId: string) {
    const fleet = this.fleets.get(fleetId);
    return { fleetId, state: fleet?.state ?? null, fulfilled: this.#living(fleetId).length };
  }

  async fleetEvents(_fleetId: string, sinceMs: number): Promise<readonly FleetEvent[]> {
    return this.events.filter((event) => event.atMs >= sinceMs);
  }

  async switchToOnDemand(fleetId: string): Promise<void> {
    const fleet = this.fleets.get(fleetId);
    if (fleet === undefined) return;
    fleet.onDemand = true;
    this.capacity = 'plenty';
    this.#fill(fleetId);
  }

  async instances(run?: string): Promise<readonly CloudInstance[]> {
    return this.machines.filter((machine) => run === undefined || machine.run === run);
  }

  async deleteFleet(fleetId: string, options: { terminate: boolean }): Promise<void> {
    const fleet = this.fleets.get(fleetId);
    if (fleet !== undefined) this.templates.delete(fleet.request.templateName);
    if (fleet !== undefined) fleet.state = options.terminate ? 'deleted_terminating' : 'deleted_running';
    if (options.terminate) for (const machine of this.#living(fleetId)) this.end(machine.machineId);
  }

  async deleteTemplate(templateName: string): Promise<void> {
    this.templates.delete(templateName);
  }

  /** A machine is gone; an active fleet replaces it. */
  end(machineId: string, stateReason = 'Server.SpotInstanceTermination'): void {
    const index = this.machines.findIndex((machine) => machine.machineId === machineId);
    const machine = this.machines[index];
    if (machine === undefined) return;
    this.machines[index] = { ...machine, state: 'terminated', stateReason };
    if (machine.fleetId !== null) this.#fill(machine.fleetId);
  }

  #living(fleetId: string): CloudInstance[] {
    return this.machines.filter((machine) => machine.fleetId === fleetId && machine.state === 'running');
  }

  #fill(fleetId: string): void {
    const fleet = this.fleets.get(fleetId);
    if (fleet?.state !== 'active' || this.#living(fleetId).length > 0) return;
    if (this.capacity !== 'plenty') return void this.events.push(this.#refusal());
    const { request } = fleet;
    this.machines.push({
      machineId: `i-${this.machines.length + 1}`,
      state: 'running',
      machineType: request.pools[0]?.machineType ?? '',
      location: request.pools[0]?.location ?? '',
      market: fleet.onDemand ? 'on-demand' : 'spot',
      privateIp: '10.0.0.1',
      publicIp: null,
      launchedAtMs: this.#clock.wallMs(),
      stateReason: null,
      run: request.run,
      launch: request.launch,
      fleetId,
    });
  }

  #refusal(): FleetEvent {
    const none = this.capacity === 'none';
    const errorMessage = none ? 'There is no Spot capacity available' : 'Invalid IAM Instance Profile name';
    return {
      atMs: this.#clock.wallMs(),
      kind: 'error',
      code: none ? 'InsufficientInstanceCapacity' : 'InvalidParameterValue',
      message: JSON.stringify({ instanceType: 'g5.xlarge', errorMessage }),
      machineId: null,
    };
  }
}
