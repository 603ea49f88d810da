import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Machine, MachineBoot, MachineEnd } from '../../machine/machine.ts';
import { AwsError } from '../aws-error.ts';
import type { EventLog } from './event-log.ts';
import { launchFailure, occupiesPool, stateReasons } from './instance.ts';
import type { Instance, StateReason } from './instance.ts';
import type { LaunchSpec } from './launch-spec.ts';
import type { Network } from './network.ts';
import { hostNameOf, PrivateAddresses } from './private-addresses.ts';
import { newResourceId } from './resource-ids.ts';
import type { Schedule } from './schedule.ts';
import type { ComputeSettings, InstanceMarket } from './settings.ts';

/** Gives instances their machines. The model does not know to which servers a machine is connected. */
export interface MachineSource {
  /** Degree to which its machines are real; see FAKES.md. */
  readonly level: string;
  /** Limits of this level that its user must know, one sentence each. */
  readonly notReal: readonly string[];
  /** Resolves when the machine's init runs; rejects when it can't be started. */
  start(boot: MachineBoot): Promise<Machine>;
}

export interface InstancesOptions {
  readonly machines: MachineSource;
  readonly nowMs: () => number;
  readonly schedule: Schedule;
  readonly settings: ComputeSettings;
  readonly events: EventLog;
  readonly network: Pick<Network, 'isClosed'>;
  readonly folder: string;
}

export interface LaunchOrigin {
  readonly reservationId: string;
  readonly launchIndex: number;
  readonly clientToken: string;
  readonly fleetId: string | null;
}

/** A way to end an instance. */
export interface InstanceEnding {
  readonly into: 'terminated' | 'stopped';
  readonly reason: StateReason;
  /** At once, without the power button. */
  readonly hard: boolean;
}

type Listener = (instance: Instance) => void;

/** The account's instances and the machines behind them. Listeners hear of every change of state. */
export class Instances {
  readonly #options: InstancesOptions;
  readonly #instances = new Map<string, Instance>();
  readonly #endings = new Map<string, InstanceEnding>();
  readonly #listeners = new Set<Listener>();
  readonly #addresses = new PrivateAddresses();

  constructor(options: InstancesOptions) {
    this.#options = options;
  }

  onChange(listener: Listener): void {
    this.#listeners.add(listener);
  }

  list(): readonly Instance[] {
    return [...this.#instances.values()];
  }

  find(id: string): Instance | undefined {
    return this.#instances.get(id);
  }

  get(id: string): Instance {
    const instance = this.#instances.get(id);
    if (instance !== undefined) return instance;
    if (!/^i-[0-9a-f]{8,17}$/.test(id)) throw new AwsError('InvalidInstanceID.Malformed', `Invalid id: "${id}"`);
    throw new AwsError('InvalidInstanceID.NotFound', `The instance ID '${id}' does not exist`);
  }

  /** Room left in a pool; null = without limit. */
  freeIn(pool: { readonly type: string; readonly zone: string; readonly market: InstanceMarket }): number | null {
    const { capacity } = this.#options.settings.capacityOf(pool);
    if (capacity === null) return null;
    const used = this.list().filter(
      (instance) =>
        occupiesPool(instance) &&
        instance.spec.type.name === pool.type &&
        instance.spec.zone.name === pool.zone &&
        instance.spec.market === pool.market,
    ).length;
    return Math.max(0, capacity - used);
  }

  /** Makes a pending instance; its machine starts after the boot delay. Capacity is the caller's business. */
  create(spec: LaunchSpec, origin: LaunchOrigin): Instance {
    const nowMs = this.#options.nowMs();
    const id = newResourceId('i');
    const taken = this.list().flatMap((instance) => (occupiesPool(instance) ? [instance.hostName] : []));
    const address = this.#addresses.take(new Set(taken));
    const instance: Instance = {
      ...origin,
      id,
      spec,
      createdAtMs: nowMs,
      hostName: hostNameOf(address),
      folder: join(this.#options.folder, id),
      macAddress: `0a:${randomBytes(5).toString('hex').match(/../g)?.join(':') ?? ''}`,
      networkInterfaceId: newResourceId('eni'),
      tags: new Map(spec.tags.get('instance')),
      clockOffsetMs: this.#options.settings.delays.clockOffsetMs,
      volume: { id: newResourceId('vol'), createdAtMs: nowMs, tags: new Map(spec.tags.get('volume')) },
      spotRequestId: null,
      launchedAtMs: nowMs,
      privateAddress: address,
      state: 'pending',
      stateReason: null,
      transitionReason: '',
      runningAtMs: null,
      endedAtMs: null,
      machine: null,
      notice: null,
      rebalanceAtMs: null,
      maintenance: [],
      consoleOutput: () => Promise.resolve(Buffer.alloc(0)),
      countsForFleet: true,
    };
    this.#instances.set(id, instance);
    this.#options.events.add('launched', {
      instanceId: id,
      ...(origin.fleetId === null ? {} : { fleetId: origin.fleetId }),
      detail: `${spec.market} ${spec.type.name} in ${spec.zone.name}`,
    });
    this.#bootLater(instance, { folder: instance.folder, userData: spec.userData });
    this.#changed(instance);
    return instance;
  }

  /** Boots a stopped instance again: a fresh machine, without its user data, as EC2 runs that at the first boot only. */
  start(instance: Instance): void {
    const nowMs = this.#options.nowMs();
    instance.state = 'pending';
    instance.stateReason = null;
    instance.transitionReason = '';
    instance.launchedAtMs = nowMs;
    instance.endedAtMs = null;
    this.#bootLater(instance, { folder: `${instance.folder}-${nowMs}`, userData: null });
    this.#changed(instance);
  }

  /** Ends an instance. The first ending decides the reason; a hard one after a soft one only hurries. */
  end(instance: Instance, ending: InstanceEnding): void {
    if (instance.state === 'terminated' || (instance.state === 'stopped' && ending.into === 'stopped')) return;
    const machine = instance.machine;
    if (machine === null) return this.#ended(instance, ending);
    const first = !this.#endings.has(instance.id);
    if (first) {
      this.#endings.set(instance.id, ending);
      this.#leave(instance, ending);
    }
    if (ending.hard) {
      this.#options.events.add('killed', { instanceId: instance.id });
      this.#options.schedule.run(() => machine.kill());
    } else if (first) {
      this.#options.events.add('power-button', { instanceId: instance.id });
      machine.pressPowerButton();
      this.#options.schedule.after(this.#options.settings.delays.shutdownGraceMs, () => machine.kill());
    }
  }

  /** Ends every machine, for the end of the region. */
  async close(): Promise<void> {
    await Promise.all(this.list().flatMap(({ machine }) => (machine === null ? [] : [machine.kill()])));
  }

  #bootLater(instance: Instance, boot: { folder: string; userData: Buffer | null }): void {
    this.#options.schedule.after(this.#options.settings.delays.bootDelayMs, () => this.#boot(instance, boot));
  }

  async #boot(instance: Instance, boot: { folder: string; userData: Buffer | null }): Promise<void> {
    if (instance.state !== 'pending') return;
    const { machines, network, settings, schedule, events } = this.#options;
    try {
      settings.admit('boot');
      await mkdir(boot.folder, { recursive: true });
      const machine = await machines.start({ ...boot, instanceId: instance.id, hostName: instance.hostName });
      schedule.run(async () => this.#machineEnded(instance, await machine.ended));
      // It was terminated while it booted, or the region was closed.
      if (instance.state !== 'pending' || schedule.closed) return await machine.kill();
      if (network.isClosed(instance.spec.zone)) machine.setPartitioned(true);
      instance.machine = machine;
      instance.consoleOutput = () => machine.consoleOutput();
      instance.privateAddress = machine.privateAddress;
      instance.state = 'running';
      instance.runningAtMs = this.#options.nowMs();
      events.add('running', { instanceId: instance.id });
      this.#changed(instance);
    } catch (error) {
      events.add('launch-failed', { instanceId: instance.id, detail: String(error) });
      this.#ended(instance, { into: 'terminated', reason: launchFailure(error), hard: true });
    }
  }

  #machineEnded(instance: Instance, end: MachineEnd): void {
    if (instance.machine === null) return;
    const planned = this.#endings.get(instance.id);
    if (planned !== undefined) return this.#ended(instance, planned);
    if (end !== 'power-off')
      return this.#ended(instance, { into: 'terminated', reason: stateReasons.host, hard: true });
    const noticed = instance.notice !== null && !instance.notice.survived;
    const into = noticed || instance.spec.shutdownBehavior === 'terminate' ? 'terminated' : 'stopped';
    this.#ended(instance, { into, reason: stateReasons.own, hard: false });
  }

  #leave(instance: Instance, ending: InstanceEnding): void {
    instance.state = ending.into === 'terminated' ? 'shutting-down' : 'stopping';
    instance.stateReason = ending.reason;
    instance.countsForFleet = false;
    this.#changed(instance);
  }

  #ended(instance: Instance, ending: InstanceEnding): void {
    const { nowMs, schedule, settings, events } = this.#options;
    this.#endings.delete(instance.id);
    instance.machine = null;
    instance.state = ending.into;
    instance.stateReason = ending.reason;
    instance.countsForFleet = false;
    instance.endedAtMs = nowMs();
    const stamp = new Date(instance.endedAtMs).toISOString().slice(0, 19).replace('T', ' ');
    const initiator = ending.reason.code.startsWith('Server.') ? 'Server.SpotInstanceTermination' : 'User initiated';
    instance.transitionReason = `${initiator} (${stamp} GMT)`;
    events.add('ended', { instanceId: instance.id, detail: `${ending.into}, ${ending.reason.code}` });
    if (ending.into === 'terminated')
      schedule.after(settings.delays.terminatedVisibleMs, () => void this.#instances.delete(instance.id));
    this.#changed(instance);
  }

  #changed(instance: Instance): void {
    for (const listener of this.#listeners) listener(instance);
  }
}
