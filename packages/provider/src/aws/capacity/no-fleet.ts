import type { CreateFleetError } from '@aws-sdk/client-ec2';
import { RunctlError } from '@runctl/core';
import { classifyAwsError } from '../api/classify.ts';

/** EC2 says this of pools that it never tried, too: a fleet that launches at once tries three (measured; facts of FAKES.md). */
const UNTRIED = 'UnfulfillableCapacity';

/**
 * Why EC2 made no fleet, by what stands in its good answer: each pool with its own reason. Its class is that of the first pool
 * that was tried; pools that perhaps were not are no evidence while another reason is there.
 */
export function noFleet(errors: readonly CreateFleetError[]): RunctlError {
  const first = errors.find(({ ErrorCode }) => ErrorCode !== UNTRIED) ?? errors[0];
  if (first === undefined) return new RunctlError('cloud-error', 'EC2 made no fleet and gave no reason');
  const { ErrorCode: name = 'unknown', ErrorMessage: message = '' } = first;
  const { code, hint, details } = classifyAwsError({ name, message }, 'creating the fleet');
  const texts = errors.map((error) => `${poolOf(error)}: ${reasonOf(error)}`);
  return new RunctlError(code, `EC2 made no fleet: ${[...new Set(texts)].join('; ')}`, {
    ...(hint === undefined ? {} : { hint }),
    details,
  });
}

function poolOf({ LaunchTemplateAndOverrides, Lifecycle }: CreateFleetError): string {
  const { InstanceType, AvailabilityZone, SubnetId } = LaunchTemplateAndOverrides?.Overrides ?? {};
  const parts = [InstanceType, AvailabilityZone ?? SubnetId, Lifecycle].filter((part) => part !== undefined);
  return parts.length === 0 ? 'every pool' : parts.join(' ');
}

function reasonOf({ ErrorCode, ErrorMessage }: CreateFleetError): string {
  if (ErrorCode === UNTRIED) return `perhaps not tried (${UNTRIED})`;
  return `${ErrorMessage ?? 'no reason given'} (${ErrorCode ?? 'unknown'})`;
}
