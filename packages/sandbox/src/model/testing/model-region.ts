import { FakeClock, temporaryFolder } from '@runctl/testkit';
import { createCompute } from '../compute/compute.ts';
import type { Compute } from '../compute/compute.ts';
import type { FleetConfig, FleetOverride } from '../fleet/fleet.ts';
import type { Instance } from '../ec2/instance.ts';
import type { LaunchData } from '../ec2/launch-data.ts';
import { images } from '../ec2/catalog.ts';
import type { Delays } from '../ec2/settings.ts';
import { ScriptedDriver } from './scripted-driver.ts';

/** A region whose time stands still until the test moves it. */
export interface ModelRegion extends AsyncDisposable {
  readonly clock: FakeClock;
  readonly driver: ScriptedDriver;
  readonly compute: Compute;
  /** Lets what is ready happen, without moving time, until `condition` holds. */
  settle(condition: () => boolean, what?: string): Promise<void>;
  runInstance(data?: LaunchData): Promise<Instance>;
}

export const imageId = images[0]?.id ?? '';

/** Spot launch data that works. */
export const launchData: LaunchData = {
  imageId,
  instanceType: 'c7i.large',
  profileName: 'runctl-instance',
  shutdownBehavior: 'terminate',
  metadata: { httpTokens: 'required', instanceMetadataTags: 'enabled' },
};

export async function modelRegion(options: { scale?: number; settings?: Partial<Delays> } = {}): Promise<ModelRegion> {
  const folder = await temporaryFolder('runctl-compute');
  const clock = new FakeClock();
  const driver = new ScriptedDriver();
  const compute = createCompute({
    machines: driver,
    clock: { nowMs: () => clock.wallMs(), scale: options.scale ?? 1 },
    region: 'us-east-1',
    accountId: '123456789012',
    folder: folder.path,
    timers: clock,
    ...(options.settings === undefined ? {} : { settings: options.settings }),
  });
  const settle = async (condition: () => boolean, what = condition.toString()) => {
    const giveUpAt = performance.now() + 20_000;
    while (!condition()) {
      if (performance.now() > giveUpAt) throw new Error(`never happened: ${what}`);
      await clock.advance(0);
    }
  };
  return {
    clock,
    driver,
    compute,
    settle,
    runInstance: async (data = launchData) => {
      const spec = compute.launcher.place(data, null, 1);
      const instance = compute.launcher.launch(spec, {
        reservationId: 'r-1',
        launchIndex: 0,
        clientToken: '',
        fleetId: null,
      });
      await settle(() => instance.state === 'running');
      return instance;
    },
    [Symbol.asyncDispose]: async () => {
      await compute.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}

const noOverride: FleetOverride = {
  instanceType: null,
  maxPrice: null,
  subnetId: null,
  zoneName: null,
  weightedCapacity: null,
  priority: null,
  imageId: null,
};

/** A maintain fleet of spot instances over the given types in all zones, with a fresh template. */
export function fleetConfig(
  compute: Compute,
  options: { types?: readonly string[]; total?: number; data?: LaunchData } & Partial<FleetConfig> = {},
): FleetConfig {
  const { types = ['c7i.large'], total = 1, data = launchData, ...rest } = options;
  const template = compute.templates.create(`template-${compute.templates.list().length}`, new Map(), {
    description: null,
    createdBy: 'test',
    data,
    document: {},
  });
  const overrides = types.map((instanceType) => ({ ...noOverride, instanceType }));
  return {
    type: 'maintain',
    clientToken: '',
    templates: [{ id: template.id, name: null, version: '1', overrides }],
    capacity: { total, onDemand: 0, spot: total, defaultMarket: 'spot' },
    spotStrategy: 'price-capacity-optimized',
    onDemandStrategy: 'lowest-price',
    minimumSpot: null,
    excessPolicy: 'termination',
    terminateOnExpiry: false,
    replaceUnhealthy: false,
    validFromMs: null,
    validUntilMs: null,
    tags: new Map(),
    instanceTags: new Map(),
    context: null,
    ...rest,
  };
}
