import { RunctlError } from '@runctl/core';
import * as z from 'zod';
import type { AwsClients } from '../api/clients.ts';
import { subnetsByZone } from '../offers/network.ts';
import { readAwsSettings } from '../offers/settings.ts';
import type { LaunchTarget, Offer, TargetWish } from '../../port/index.ts';
import { resolveImage } from './images.ts';

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

/**
 * Looks everything up by id, so that every recovery of the launch gets the same. That the instance profile and the security
 * groups exist can't be read with the rights that runctl asks for: EC2 checks them when the launch template is made.
 */
export async function resolveTarget(
  clients: AwsClients,
  options: { readonly region: string; readonly wish: TargetWish; readonly offers: readonly Offer[] },
): Promise<AwsTarget> {
  const { region, wish, offers } = options;
  const { instanceProfile, securityGroups, subnets } = readAwsSettings(wish.settings);
  if (instanceProfile === undefined)
    throw new RunctlError(
      'config-missing',
      'no instance profile is named: the machine needs a role to reach the bucket',
      {
        hint: 'set instance_profile in .runctl.toml; docs/aws-account.md says what it may do',
      },
    );
  const clientsOfImages = { ec2: clients.reading, ssm: clients.ssm };
  const [image, subnetOfZone] = await Promise.all([
    resolveImage(clientsOfImages, wish.image, [...new Set(offers.map(({ machineType }) => machineType))]),
    subnets.length === 0 ? new Map<string, string>() : subnetsByZone(clients.reading, subnets),
  ]);
  return {
    region,
    imageId: image.imageId,
    instanceProfile,
    securityGroupIds: securityGroups,
    subnets: Object.fromEntries(subnetOfZone),
    rootDisk: rootDiskOf(image, wish.rootDiskGiB),
  };
}

function rootDiskOf(
  image: { readonly imageId: string; readonly rootDevice: { name: string; sizeGiB: number } | null },
  wantedGiB: number | null,
): AwsTarget['rootDisk'] {
  if (wantedGiB === null) return null;
  if (image.rootDevice === null)
    throw new RunctlError(
      'config-invalid',
      `the image ${image.imageId} names no root device, so its size can't be set`,
      {
        hint: 'leave the size of the root volume out, or name another image',
      },
    );
  return { deviceName: image.rootDevice.name, sizeGiB: Math.max(wantedGiB, image.rootDevice.sizeGiB) };
}

/** Errors: `internal` for what no AWS adapter has made, `config-invalid` for a target of another region. */
export function readTarget(target: LaunchTarget, region: string): AwsTarget {
  const read = awsTarget.safeParse(target);
  if (!read.success)
    throw new RunctlError('internal', `the launch's target is not one of AWS: ${z.prettifyError(read.error)}`);
  if (read.data.region !== region)
    throw new RunctlError('config-invalid', `the launch belongs to ${read.data.region}, and the region is ${region}`, {
      hint: `set the region to ${read.data.region}`,
    });
  return read.data;
}
