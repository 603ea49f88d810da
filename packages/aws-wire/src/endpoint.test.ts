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

test('China has a domain of its own', () => {
  expect(domainOf('cn-north-1')).toBe('amazonaws.com.cn');
  expect(domainOf('eu-west-1')).toBe('amazonaws.com');
});
