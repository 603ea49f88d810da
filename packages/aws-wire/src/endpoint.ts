/** The part of the standard variables' names that stands for a service. */
export type EndpointService = 'S3' | 'EC2' | 'SSM' | 'STS' | 'IAM' | 'SERVICE_QUOTAS' | 'PRICING';

/**
 * The endpoint that the SDKs' standard variables name for a service (`AWS_ENDPOINT_URL_<service>`, else `AWS_ENDPOINT_URL`);
 * undefined where they name none. Source: AWS SDKs and Tools Reference Guide, "Service-specific endpoints".
 */
export function endpointOf(
  service: EndpointService,
  environment: Readonly<Record<string, string | undefined>>,
): string | undefined {
  return environment[`AWS_ENDPOINT_URL_${service}`] || environment['AWS_ENDPOINT_URL'] || undefined;
}

/** Regions that share accounts and names, and nothing with those of other partitions. */
export interface Partition {
  /** The first part of ARNs. */
  readonly name: string;
  /** Of AWS's own endpoints. */
  readonly domain: string;
  /** Where services sign that are one for the partition. */
  readonly homeRegion: string;
}

const COMMERCIAL: Partition = { name: 'aws', domain: 'amazonaws.com', homeRegion: 'us-east-1' };

/** The others, by how their regions begin (partitions and IAM endpoints of the AWS SDKs, 2026). */
const PARTITIONS: ReadonlyArray<readonly [regions: string, Partition]> = [
  ['cn-', { name: 'aws-cn', domain: 'amazonaws.com.cn', homeRegion: 'cn-north-1' }],
  ['us-gov-', { name: 'aws-us-gov', domain: 'amazonaws.com', homeRegion: 'us-gov-west-1' }],
  ['eusc-', { name: 'aws-eusc', domain: 'amazonaws.eu', homeRegion: 'eusc-de-east-1' }],
  ['us-iso-', { name: 'aws-iso', domain: 'c2s.ic.gov', homeRegion: 'us-iso-east-1' }],
  ['us-isob-', { name: 'aws-iso-b', domain: 'sc2s.sgov.gov', homeRegion: 'us-isob-east-1' }],
  ['us-isof-', { name: 'aws-iso-f', domain: 'csp.hci.ic.gov', homeRegion: 'us-isof-south-1' }],
  ['eu-isoe-', { name: 'aws-iso-e', domain: 'cloud.adc-e.uk', homeRegion: 'eu-isoe-west-1' }],
];

export function partitionOf(region: string): Partition {
  return PARTITIONS.find(([regions]) => region.startsWith(regions))?.[1] ?? COMMERCIAL;
}

/** The domain of AWS's own endpoints in a region's partition. */
export function domainOf(region: string): string {
  return partitionOf(region).domain;
}
