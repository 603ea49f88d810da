import type { ProviderAbilities } from '../port/index.ts';

/** EC2 with a `maintain` fleet for each launch (EC2 user guide, "EC2 Fleet"; "Spot Instance interruptions"). */
export const awsAbilities: ProviderAbilities = {
  recovers: { value: 'by-itself', reason: 'a fleet replaces machines that are gone' },
  noticeMs: { value: 120_000, reason: 'EC2 announces two minutes ahead that it takes a spot instance back' },
  expires: { value: true, reason: 'a fleet ends its machines when its time is over' },
  pauses: { value: false, reason: "spot instances of a fleet can't be stopped and started again" },
  markets: { value: ['spot', 'on-demand'], reason: 'EC2 sells the same types in both' },
  volumes: { value: false, reason: 'EBS volumes are not attached to machines yet' },
  privateNetwork: { value: true, reason: 'the machines of a launch reach each other in their VPC' },
};
