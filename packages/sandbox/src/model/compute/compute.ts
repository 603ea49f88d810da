import { silentLog } from '@runctl/core';
import type { Clock, Log } from '@runctl/core';
import type { RegionClock } from '../region-clock.ts';
import { Commands } from '../ssm/commands.ts';
import { IssuedKeys } from '../account/issued-keys.ts';
import type { UserKey } from '../account/issued-keys.ts';
import { Quotas } from '../account/quotas.ts';
import { Roles } from '../account/roles.ts';
import { EventLog } from '../ec2/event-log.ts';
import { Fleets } from '../fleet/fleets.ts';
import { stateReasons } from '../ec2/instance.ts';
import type { Instance } from '../ec2/instance.ts';
import { Instances } from '../ec2/instances.ts';
import type { MachineSource } from '../ec2/instances.ts';
import { Interruptions } from '../ec2/interruptions.ts';
import type { InterruptOptions } from '../ec2/interruptions.ts';
import type { LaunchableResources } from '../ec2/launch-spec.ts';
import { Launcher } from '../ec2/launcher.ts';
import { Network } from '../ec2/network.ts';
import { LaunchTemplates } from '../ec2/launch-templates.ts';
import { Schedule } from '../ec2/schedule.ts';
import { SecurityGroups } from '../ec2/security-groups.ts';
import { ComputeSettings, defaultDelays } from '../ec2/settings.ts';
import type { Delays } from '../ec2/settings.ts';
import { snapshotOf } from './snapshot.ts';
import type { ComputeSnapshot } from './snapshot.ts';
import { SpotRequests } from '../ec2/spot-requests.ts';

export interface ComputeOptions {
  readonly machines: MachineSource;
  readonly clock: RegionClock;
  readonly region: string;
  readonly accountId: string;
  /** Existing folder; each instance gets its own inside. */
  readonly folder: string;
  /** Sleeps in real time; a closed region wakes none of its sleepers. */
  readonly timers: Pick<Clock, 'sleep'>;
  readonly settings?: Partial<Delays>;
  readonly userKey?: UserKey;
  readonly log?: Log;
}

/** EC2's control plane: state, time and behaviour. The services (EC2, SSM, STS, IMDS) are functions over it. */
export interface Compute {
  readonly clock: RegionClock;
  readonly region: string;
  readonly accountId: string;
  readonly settings: ComputeSettings;
  readonly credentials: IssuedKeys;
  readonly roles: Roles;
  readonly quotas: Quotas;
  readonly events: EventLog;
  readonly network: Network;
  readonly templates: LaunchTemplates;
  readonly instances: Instances;
  readonly groups: SecurityGroups;
  readonly spotRequests: SpotRequests;
  readonly launcher: Launcher;
  readonly fleets: Fleets;
  readonly commands: Commands;
  /** Does what TerminateInstances does: no notice, the power button, a hard end after the grace. */
  terminate(instance: Instance): void;
  /** Begins an interruption of an instance; see InterruptOptions. Throws RunctlError. */
  interrupt(instanceId: string, options?: InterruptOptions): void;
  recommendRebalance(instanceId: string): void;
  snapshot(): ComputeSnapshot;
  /** Ends every machine, and everything that was still to happen. */
  close(): Promise<void>;
}

export function createCompute(options: ComputeOptions): Compute {
  const { clock, machines } = options;
  const nowMs = () => clock.nowMs();
  const schedule = new Schedule(options.timers, options.log ?? silentLog);
  const settings = new ComputeSettings({ ...defaultDelays(clock.scale), ...options.settings });
  const events = new EventLog(nowMs);
  const network = new Network();
  const templates = new LaunchTemplates(nowMs);
  const spotRequests = new SpotRequests(nowMs);
  const credentials = new IssuedKeys({
    accountId: options.accountId,
    nowMs,
    lifetimeMs: () => settings.delays.credentialsLifetimeMs,
    ...(options.userKey === undefined ? {} : { userKey: options.userKey }),
  });
  const { folder } = options;
  const instances = new Instances({ machines, nowMs, schedule, settings, events, network, folder });
  instances.onChange((instance) => followSpotRequest(instance, spotRequests));
  const roles = new Roles(nowMs, () => settings.delays.profileDelayMs);
  const groups = new SecurityGroups();
  const known = launchable(roles, groups);
  const launcher = new Launcher({ nowMs, settings, known, instances, spotRequests });
  const terminate = (instance: Instance) => {
    spotRequests.finish(instance, 'instance-terminated-by-user');
    instances.end(instance, { into: 'terminated', reason: stateReasons.user, hard: false });
  };
  const shared = { settings, events, instances, spotRequests };
  const fleets = new Fleets({ ...shared, schedule, nowMs, scale: clock.scale, templates, launcher, known, terminate });
  const interruptions = new Interruptions({ ...shared, schedule, clock, onLost: (instance) => fleets.lost(instance) });
  const compute: Compute = {
    ...shared,
    clock,
    region: options.region,
    accountId: options.accountId,
    credentials,
    roles,
    quotas: new Quotas(),
    groups,
    network,
    templates,
    launcher,
    fleets,
    terminate,
    commands: new Commands({ nowMs, schedule, settings, instances }),
    interrupt: (instanceId, how) => interruptions.interrupt(instanceId, how),
    recommendRebalance: (instanceId) => interruptions.recommendRebalance(instanceId),
    snapshot: () => snapshotOf(compute, machines),
    close: async () => {
      schedule.close();
      await instances.close();
    },
  };
  return compute;
}

/** What EC2 knows of the account by now. */
function launchable(roles: Roles, groups: SecurityGroups): LaunchableResources {
  return { hasProfile: (name) => roles.isUsable(name), hasGroup: (id) => groups.find(id) !== undefined };
}

/** The request of an instance that ended by itself is over too. Other endings have said their reason before. */
function followSpotRequest(instance: Instance, spotRequests: SpotRequests): void {
  if (instance.state !== 'terminated') return;
  const { host, internal, key, volumes } = stateReasons;
  const byHost = [host, internal, key, volumes].some((reason) => reason === instance.stateReason);
  spotRequests.finish(instance, byHost ? 'system-error' : 'instance-terminated-by-user');
}
