import { RunctlError, nearest } from '@runctl/core';

/**
 * AWS's regions as this version knows them (AWS general reference, "Service endpoints"). Only consulted when nothing answers: a
 * region that is newer than this list works like any other.
 */
const REGIONS: readonly string[] = `
  us-east-1 us-east-2 us-west-1 us-west-2 us-gov-east-1 us-gov-west-1 ca-central-1
  ca-west-1 mx-central-1 sa-east-1 eu-central-1 eu-central-2 eu-north-1 eu-south-1
  eu-south-2 eu-west-1 eu-west-2 eu-west-3 af-south-1 il-central-1 me-central-1
  me-south-1 cn-north-1 cn-northwest-1 ap-east-1 ap-east-2 ap-northeast-1 ap-northeast-2
  ap-northeast-3 ap-south-1 ap-south-2 ap-southeast-1 ap-southeast-2 ap-southeast-3 ap-southeast-4
  ap-southeast-5 ap-southeast-7
`
  .trim()
  .split(/\s+/);

/** The known region that a text was probably meant to be; null when none is close. */
export function nearestRegion(text: string): string | null {
  return nearest(text, REGIONS);
}

/** The error for a region at which nothing answers and which runctl does not know; null when it is a known one. */
export function unknownRegion(region: string, cause: RunctlError): RunctlError | null {
  if (REGIONS.includes(region)) return null;
  return new RunctlError('config-invalid', `nothing answers in ${region}, which is no region that runctl knows of`, {
    hint: `did you mean ${nearest(region, REGIONS) ?? 'us-east-1'}?`,
    cause,
  });
}
