import type { Imds } from '@runctl/aws-wire';
import type { FleetEnder } from './fleet-ender.ts';
import * as z from 'zod';
import type { Host, Power } from '../host.ts';
import { readIdentity } from './identity.ts';
import { createInterruptionWatcher } from './watcher.ts';

export interface Ec2HostOptions {
  readonly imds: Imds;
  readonly fleetEnder: FleetEnder;
  readonly power: Power;
}

/** What the launch wrote down of its machines. */
const fleetReference = z.object({ fleetId: z.string().min(1) });

/** An EC2 instance that a fleet of the launch has started. Its capacity is the fleet's id. */
export function createEc2Host({ imds, fleetEnder, power }: Ec2HostOptions): Host {
  return {
    kind: 'ec2',
    identity: () => readIdentity(imds),
    watch: (options) => createInterruptionWatcher(imds, options),
    successors: {
      doing: 'deleting the fleet',
      trouble: 'the fleet could not be deleted',
      capacityIn: (machines) => fleetReference.safeParse(machines).data?.fleetId ?? null,
      async mayEnd(fleetId) {
        if (await fleetEnder.mayDelete(fleetId)) return { granted: true };
        return {
          granted: false,
          why: `this machine may not delete its fleet ${fleetId}, so nothing would ever end it`,
        };
      },
      end: (fleetId) => fleetEnder.delete(fleetId),
    },
    power,
  };
}
