import { RunctlError } from '@runctl/core';
import type { AwsClients } from '../api/clients.ts';
import { subnetsByZone } from '../offers/network.ts';
import { readAwsSettings } from '../offers/settings.ts';
import type { Offer, TargetWish } from '../../port/index.ts';
import type { AwsTarget } from './aws-target.ts';
import { resolveImage } from './images.ts';

/**
 * Looks everything up by id, so that every recovery of the launch gets the same. The instance profile is looked
 * at beside this, where the rights allow it; security groups EC2 alone checks, when the launch template is made.
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
