import { RunctlError } from '@runctl/core';
import * as z from 'zod';
import type { LaunchTarget } from '../../port/index.ts';

/** What an EC2 launch needs besides its offers. Stored in intents: fields may be added, never changed. */
const awsTarget = z.object({
  region: z.string(),
  imageId: z.string(),
  /** Name or ARN. */
  instanceProfile: z.string(),
  /** Empty = the default group of the VPC. */
  securityGroupIds: z.array(z.string()),
  /** Subnet by zone; a zone that is missing uses its default subnet. */
  subnets: z.record(z.string(), z.string()),
  /** Null = as the image has it. */
  rootDisk: z.object({ deviceName: z.string(), sizeGiB: z.number().int().positive() }).nullable(),
});
export type AwsTarget = z.output<typeof awsTarget>;

/** Errors: `internal` for what no AWS adapter has made. */
export function parseTarget(target: LaunchTarget): AwsTarget {
  const read = awsTarget.safeParse(target);
  if (read.success) return read.data;
  throw new RunctlError('internal', `the launch's target is not one of AWS: ${z.prettifyError(read.error)}`);
}

/** Errors: as `parseTarget`, and `config-invalid` for a target of another region. */
export function readTarget(target: LaunchTarget, region: string): AwsTarget {
  const read = parseTarget(target);
  if (read.region !== region)
    throw new RunctlError('config-invalid', `the launch belongs to ${read.region}, and the region is ${region}`, {
      hint: `set the region to ${read.region}`,
    });
  return read;
}
