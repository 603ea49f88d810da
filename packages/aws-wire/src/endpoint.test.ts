import { expect, test } from 'vitest';
import { domainOf, endpointOf, partitionOf } from './endpoint.ts';

test("a service's own variable comes before the one for all; an empty one counts as none", () => {
  const all = { AWS_ENDPOINT_URL: 'http://all' };
  expect(endpointOf('S3', { ...all, AWS_ENDPOINT_URL_S3: 'http://s3', AWS_ENDPOINT_URL_EC2: 'http://ec2' })).toBe(
    'http://s3',
  );
  expect(endpointOf('EC2', { ...all, AWS_ENDPOINT_URL_S3: 'http://s3' })).toBe('http://all');
  expect(endpointOf('S3', { ...all, AWS_ENDPOINT_URL_S3: '' })).toBe('http://all');
  expect(endpointOf('EC2', { AWS_ENDPOINT_URL: '' })).toBeUndefined();
});

test.each([
  ['cn-north-1', 'amazonaws.com.cn', 'aws-cn'],
  ['cn-northwest-1', 'amazonaws.com.cn', 'aws-cn'],
  ['eusc-de-east-1', 'amazonaws.eu', 'aws-eusc'],
  ['us-iso-east-1', 'c2s.ic.gov', 'aws-iso'],
  ['us-isob-east-1', 'sc2s.sgov.gov', 'aws-iso-b'],
  ['us-isof-south-1', 'csp.hci.ic.gov', 'aws-iso-f'],
  ['eu-isoe-west-1', 'cloud.adc-e.uk', 'aws-iso-e'],
  ['us-gov-west-1', 'amazonaws.com', 'aws-us-gov'],
  ['eu-west-1', 'amazonaws.com', 'aws'],
  ['ca-central-1', 'amazonaws.com', 'aws'],
])('the services of %s answer below %s, and its ARNs begin with %s', (region, domain, name) => {
  expect(domainOf(region)).toBe(domain);
  expect(partitionOf(region)).toMatchObject({ name, domain });
});
