import type { Imds } from '@runctl/aws-wire';
import { RunctlError } from '@runctl/core';
import * as z from 'zod';
import type { HostIdentity } from '../host.ts';

const identityDocument = z.object({
  instanceId: z.string(),
  instanceType: z.string(),
  availabilityZone: z.string(),
});

/**
 * The instance by its own metadata. Its capacity is the fleet of the tag that EC2 sets; null when tags are not shown in the
 * metadata, or it belongs to no fleet. Rejects while the metadata can't be read.
 */
export async function readIdentity(imds: Imds): Promise<HostIdentity> {
  const document = await imds.get('dynamic/instance-identity/document');
  if (document.status !== 200)
    throw new RunctlError('cloud-unreachable', `IMDS answered ${document.status} to the identity document`);
  const { instanceId, instanceType, availabilityZone } = identityDocument.parse(JSON.parse(document.body));
  const lifeCycle = await imds.get('meta-data/instance-life-cycle');
  const fleet = await imds.get('meta-data/tags/instance/aws:ec2:fleet-id');
  return {
    machineId: instanceId,
    machineType: instanceType,
    location: availabilityZone,
    market: lifeCycle.status === 200 && lifeCycle.body.trim() === 'spot' ? 'spot' : 'on-demand',
    capacity: fleet.status === 200 ? fleet.body.trim() : null,
  };
}
