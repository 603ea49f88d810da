import { domainOf, encodePath, encodeUriStrictly } from '@runctl/aws-wire';

/** Where a bucket's requests go: a host, and what stands before the key in the path. */
export interface BucketAddress {
  readonly protocol: 'http:' | 'https:';
  readonly hostname: string;
  readonly port: number | null;
  /** Begins with `/`; ends with `/`. */
  readonly basePath: string;
}

/**
 * The bucket's own host name at AWS; with an endpoint of its own (`AWS_ENDPOINT_URL_S3`), or a dot in the bucket's name
 * (which the certificate doesn't cover), the bucket is the first part of the path.
 */
export function bucketAddress(bucket: string, region: string, endpoint: string | undefined): BucketAddress {
  if (endpoint !== undefined) {
    const url = new URL(endpoint);
    if (url.protocol !== 'http:' && url.protocol !== 'https:') throw new Error(`not an http endpoint: ${endpoint}`);
    const path = url.pathname.replace(/\/$/, '');
    return {
      protocol: url.protocol,
      hostname: url.hostname,
      port: url.port === '' ? null : Number(url.port),
      basePath: `${path}/${encodeUriStrictly(bucket)}/`,
    };
  }
  const host = `s3.${region}.${domainOf(region)}`;
  const onPath = bucket.includes('.');
  return {
    protocol: 'https:',
    hostname: onPath ? host : `${bucket}.${host}`,
    port: null,
    basePath: onPath ? `/${encodeUriStrictly(bucket)}/` : '/',
  };
}

/** The path of a key as it is sent, or of the bucket itself for null. */
export function requestPath(address: BucketAddress, key: string | null): string {
  if (key === null) return address.basePath === '/' ? '/' : address.basePath.slice(0, -1);
  return address.basePath + encodePath(key);
}
