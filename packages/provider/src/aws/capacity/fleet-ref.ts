import { RunctlError } from '@runctl/core';
import * as z from 'zod';
import type { CapacityRef } from '../../port/index.ts';

/** Stored in the bucket: fields may be added, never changed. */
const fleetRef = z.object({ region: z.string(), fleetId: z.string(), launchTemplateId: z.string() });
export type FleetRef = z.output<typeof fleetRef>;

/** Errors: `internal` for what no AWS adapter has made. */
export function parseFleetRef(ref: CapacityRef): FleetRef {
  const read = fleetRef.safeParse(ref);
  if (read.success) return read.data;
  throw new RunctlError('internal', `${JSON.stringify(ref)} is no capacity of AWS: ${z.prettifyError(read.error)}`);
}

/** Errors: as `parseFleetRef`, and `config-invalid` for a fleet of another region. */
export function readFleetRef(ref: CapacityRef, region: string): FleetRef {
  const read = parseFleetRef(ref);
  if (read.region !== region)
    throw new RunctlError('config-invalid', `fleet ${read.fleetId} is in ${read.region}, and the region is ${region}`, {
      hint: `set the region to ${read.region}`,
    });
  return read;
}
