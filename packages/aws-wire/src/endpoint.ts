/** The part of the standard variables' names that stands for a service. */
export type EndpointService = 'S3' | 'EC2' | 'SSM' | 'STS' | 'IAM' | 'SERVICE_QUOTAS';

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

/** Partitions with a domain of their own, by how their regions begin (the partitions of the AWS SDKs, 2026). */
const DOMAINS: ReadonlyArray<readonly [regions: string, domain: string]> = [
  ['cn-', 'amazonaws.com.cn'],
  ['eusc-', 'amazonaws.eu'],
  ['us-iso-', 'c2s.ic.gov'],
  ['us-isob-', 'sc2s.sgov.gov'],
  ['us-isof-', 'csp.hci.ic.gov'],
  ['eu-isoe-', 'cloud.adc-e.uk'],
];

/** The domain of AWS's own endpoints in a region's partition. */
export function domainOf(region: string): string {
  return DOMAINS.find(([regions]) => region.startsWith(regions))?.[1] ?? 'amazonaws.com';
}
