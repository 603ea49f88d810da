import { expect, test } from 'vitest';
import { domainOf, endpointOf } from './endpoint.ts';

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
  ['cn-north-1', 'amazonaws.com.cn'],
  ['cn-northwest-1', 'amazonaws.com.cn'],
  ['eusc-de-east-1', 'amazonaws.eu'],
  ['us-iso-east-1', 'c2s.ic.gov'],
  ['us-isob-east-1', 'sc2s.sgov.gov'],
  ['us-isof-south-1', 'csp.hci.ic.gov'],
  ['eu-isoe-west-1', 'cloud.adc-e.uk'],
  ['us-gov-west-1', 'amazonaws.com'],
  ['eu-west-1', 'amazonaws.com'],
  ['ca-central-1', 'amazonaws.com'],
])('the services of %s answer below %s', (region, domain) => {
  expect(domainOf(region)).toBe(domain);
});
