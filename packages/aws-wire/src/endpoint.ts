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

/** The domain of AWS's own endpoints in a region's partition. */
export function domainOf(region: string): string {
  return region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com';
}
