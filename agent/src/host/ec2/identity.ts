import type { Imds } from '@runctl/aws-wire';
import type { Market } from '@runctl/protocol';
import { RunctlError } from '@runctl/core';
import * as z from 'zod';

/** Who this machine is, by its own metadata. */
export interface Identity {
  readonly instanceId: string;
  readonly instanceType: string;
  readonly zone: string;
  readonly market: Market;
  /** From the tag that EC2 sets; null when tags are not shown in the metadata or it belongs to no fleet. */
  readonly fleetId: string | null;
}

const identityDocument = z.object({
  instanceId: z.string(),
  instanceType: z.string(),
  availabilityZone: z.string(),
});

/** Rejects while the metadata can't be read: callers try again. */
export async function readIdentity(imds: Imds): Promise<Identity> {
  const document = await imds.get('dynamic/instance-identity/document');
  if (document.status !== 200)
    throw new RunctlError('cloud-unreachable', `IMDS answered ${document.status} to the identity document`);
  const { instanceId, instanceType, availabilityZone } = identityDocument.parse(JSON.parse(document.body));
  const lifeCycle = await imds.get('meta-data/instance-life-cycle');
  const fleet = await imds.get('meta-data/tags/instance/aws:ec2:fleet-id');
  return {
    instanceId,
    instanceType,
    zone: availabilityZone,
    market: lifeCycle.status === 200 && lifeCycle.body.trim() === 'spot' ? 'spot' : 'on-demand',
    fleetId: fleet.status === 200 ? fleet.body.trim() : null,
  };
}
