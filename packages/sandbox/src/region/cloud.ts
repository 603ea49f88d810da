import { readdir, rm } from 'node:fs/promises';
import type { RequestListener } from 'node:http';
import { join } from 'node:path';
import { systemClock, type Log } from '@runctl/core';
import { createS3Service, type S3Service } from '../api/s3/index.ts';
import { createMetadataServices, type MetadataServices } from '../imds/metadata-services.ts';
import type { MachineDriver } from '../machine/driver.ts';
import { createCompute, type Compute } from '../model/compute/compute.ts';
import type { Instance } from '../model/ec2/instance.ts';
import type { MachineSource } from '../model/ec2/instances.ts';
import type { Delays } from '../model/ec2/settings.ts';
import type { RegionClock } from '../model/region-clock.ts';
import { exchangesInto, recordExchanges } from '../wire/record-exchanges.ts';
import type { RegionAccount } from './account.ts';
import { createFront } from './front.ts';
import { servicesOf } from './services.ts';

/** The account of every region. */
export const ACCOUNT = '123456789012';

export interface RegionCloudOptions {
  /** Existing folder of the region, with a folder for instances in it. */
  readonly stateFolder: string;
  readonly delays?: Partial<Delays>;
  /** Keeps the disks of instances when the region ends, for looking at them. */
  readonly keepDisks?: boolean;
  /** File that takes every AWS call and its answer, one JSON line each. */
  readonly recordFile?: string;
}

/** The parts that a cloud is built on. */
export interface CloudGround {
  readonly account: RegionAccount;
  readonly driver: MachineDriver;
  readonly clock: RegionClock;
  readonly region: string;
  readonly log: Log;
}

/** The model of a region and all services over it. */
export interface RegionCloud {
  readonly compute: Compute;
  readonly metadata: MetadataServices;
  readonly s3: S3Service;
  /** The bucket that exists from the start. */
  readonly bucket: string;
  /** Every AWS service on one address. */
  readonly front: RequestListener;
}

export function createCloud(options: RegionCloudOptions, ground: CloudGround): RegionCloud {
  const { account, driver, clock, region, log } = ground;
  const machines: MachineSource = {
    level: driver.level,
    notReal: driver.notReal,
    start: (boot) =>
      driver.start({
        ...boot,
        imds: metadata.listenerFor(boot.instanceId),
        endpoints: (request, response) => front(request, response),
        region,
      }),
  };
  const compute = createCompute({
    machines,
    clock,
    region,
    log,
    accountId: ACCOUNT,
    timers: systemClock,
    userKey: account,
    folder: join(options.stateFolder, 'instances'),
    ...(options.delays === undefined ? {} : { settings: options.delays }),
  });
  const metadata = createMetadataServices(compute, driver.tokenlessAgents);
  if (options.keepDisks !== true) compute.instances.onChange((instance) => discardDisk(instance, log));
  const { credentials } = compute;
  const root = join(options.stateFolder, 's3');
  const s3 = createS3Service({ root, credentials, clock, region, enforceRegion: true });
  const bucket = `runctl-${ACCOUNT}-${region}`;
  s3.ensureBucket(bucket);
  const services = createFront({ s3, services: servicesOf(compute), credentials, clock, region, log });
  const { recordFile } = options;
  const front = recordFile === undefined ? services : recordExchanges(services, exchangesInto(recordFile, log));
  return { compute, metadata, s3, bucket, front };
}

/** The root volume goes with its instance; what it printed stays. */
function discardDisk(instance: Instance, log: Log): void {
  if (instance.state !== 'terminated') return;
  const discard = async () => {
    for (const name of await readdir(instance.folder))
      if (name !== 'console.log') await rm(join(instance.folder, name), { recursive: true, force: true });
  };
  discard().catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT')
      log.warn({ err: error, instance: instance.id }, 'sandbox: a disk could not be removed');
  });
}
