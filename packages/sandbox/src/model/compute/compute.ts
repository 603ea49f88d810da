import type { RequestListener } from 'node:http';
import { silentLog } from '@runctl/core';
import type { Clock, Log } from '@runctl/core';
import type { RegionClock } from '../region-clock.ts';
import { createImdsListener } from '../../imds/listener.ts';
import { MetadataFaults } from '../../imds/faults.ts';
import type { MetadataFault } from '../../imds/faults.ts';
import type { MachineDriver } from '../../machine/driver.ts';
import { Commands } from '../ssm/commands.ts';
import { Credentials } from '../account/credentials.ts';
import type { UserKey } from '../account/credentials.ts';
import { EventLog } from '../ec2/event-log.ts';
import { Fleets } from '../fleet/fleets.ts';
import { stateReasons } from '../ec2/instance.ts';
import type { Instance } from '../ec2/instance.ts';
import { Instances } from '../ec2/instances.ts';
import { Interruptions } from '../ec2/interruptions.ts';
import type { InterruptOptions } from '../ec2/interruptions.ts';
import { Launcher } from '../ec2/launcher.ts';
import { LaunchTemplates } from '../ec2/launch-templates.ts';
import { Schedule } from '../ec2/schedule.ts';
import { ComputeSettings, defaultDelays } from '../ec2/settings.ts';
import type { Delays } from '../ec2/settings.ts';
import { snapshotOf } from './snapshot.ts';
import type { ComputeSnapshot } from './snapshot.ts';
import { SpotRequests } from '../ec2/spot-requests.ts';

export interface ComputeOptions {
  readonly driver: MachineDriver;
  readonly clock: RegionClock;
  readonly region: string;
  readonly accountId: string;
  /** Existing folder; each instance gets its own inside. */
  readonly folder: string;
  /** Sleeps in real time; a closed region wakes none of its sleepers. */
  readonly timers: Pick<Clock, 'sleep'>;
  /** Serves the region's endpoints to instances. May be bound to a server that is built later. */
  readonly endpoints: RequestListener;
  readonly settings?: Partial<Delays>;
  readonly userKey?: UserKey;
  readonly log?: Log;
}

/** EC2's control plane: state, time and behaviour. The wire skins (EC2, SSM, STS, IMDS) are functions over it. */
export interface Compute {
  readonly clock: RegionClock;
  readonly region: string;
  readonly accountId: string;
  readonly settings: ComputeSettings;
  readonly credentials: Credentials;
  readonly events: EventLog;
  readonly templates: LaunchTemplates;
  readonly instances: Instances;
  readonly spotRequests: SpotRequests;
  readonly launcher: Launcher;
  readonly fleets: Fleets;
  readonly commands: Commands;
  readonly metadataFaults: MetadataFaults;
  /** As TerminateInstances: no notice, the power button, a hard end after the grace. */
  terminate(instance: Instance): void;
  /** Begins an interruption of an instance; see InterruptOptions. Throws RunctlError. */
  interrupt(instanceId: string, options?: InterruptOptions): void;
  recommendRebalance(instanceId: string): void;
  /** Makes the metadata service of an instance misbehave. */
  imdsFault(instanceId: string, fault: MetadataFault): void;
  snapshot(): ComputeSnapshot;
  /** Ends every machine, and everything that was still to happen. */
  close(): Promise<void>;
}

export function createCompute(options: ComputeOptions): Compute {
  const { clock, driver } = options;
  const nowMs = () => clock.nowMs();
  const schedule = new Schedule(options.timers, options.log ?? silentLog);
  const settings = new ComputeSettings({ ...defaultDelays(clock.scale), ...options.settings });
  const events = new EventLog(nowMs);
  const templates = new LaunchTemplates(nowMs);
  const spotRequests = new SpotRequests(nowMs);
  const credentials = new Credentials({
    accountId: options.accountId,
    nowMs,
    lifetimeMs: () => settings.delays.credentialsLifetimeMs,
    ...(options.userKey === undefined ? {} : { userKey: options.userKey }),
  });
  const instances: Instances = new Instances({
    driver,
    nowMs,
    schedule,
    settings,
    events,
    folder: options.folder,
    region: options.region,
    endpoints: options.endpoints,
    imds: (instanceId) => createImdsListener(compute, instanceId),
  });
  instances.onChange((instance) => followSpotRequest(instance, spotRequests));
  const launcher = new Launcher({ nowMs, settings, instances, spotRequests });
  const terminate = (instance: Instance) => {
    spotRequests.finish(instance, 'instance-terminated-by-user');
    instances.end(instance, { into: 'terminated', reason: stateReasons.user, hard: false });
  };
  const shared = { settings, events, instances, spotRequests };
  const fleets = new Fleets({ ...shared, schedule, nowMs, scale: clock.scale, templates, launcher, terminate });
  const interruptions = new Interruptions({ ...shared, schedule, clock, onLost: (instance) => fleets.lost(instance) });
  const metadataFaults = new MetadataFaults();
  const compute: Compute = {
    ...shared,
    clock,
    region: options.region,
    accountId: options.accountId,
    credentials,
    templates,
    launcher,
    fleets,
    metadataFaults,
    terminate,
    commands: new Commands({ nowMs, schedule, settings, instances }),
    interrupt: (instanceId, how) => interruptions.interrupt(instanceId, how),
    recommendRebalance: (instanceId) => interruptions.recommendRebalance(instanceId),
    imdsFault: (instanceId, fault) => metadataFaults.add(instanceId, fault),
    snapshot: () => snapshotOf(compute, driver),
    close: async () => {
      schedule.close();
      metadataFaults.clear();
      await instances.close();
    },
  };
  return compute;
}

/** The request of an instance that ended by itself is over too. Other endings have said their reason before. */
function followSpotRequest(instance: Instance, spotRequests: SpotRequests): void {
  if (instance.state !== 'terminated') return;
  const byHost = instance.stateReason === stateReasons.host || instance.stateReason === stateReasons.internal;
  spotRequests.finish(instance, byHost ? 'system-error' : 'instance-terminated-by-user');
}
