import { describe, expect, test } from 'vitest';
import { bucketAddress, requestPath } from './endpoint.ts';

describe('where requests go', () => {
  test("goes to the bucket's own host at AWS", () => {
    const address = bucketAddress('data', 'eu-west-1', undefined);
    expect(address).toMatchObject({ protocol: 'https:', hostname: 'data.s3.eu-west-1.amazonaws.com', port: null });
    expect(requestPath(address, 'a b/c')).toBe('/a%20b/c');
    expect(requestPath(address, null)).toBe('/');
  });

  test("keeps a bucket with a dot, which the certificate doesn't cover, in the path", () => {
    const address = bucketAddress('my.data', 'cn-north-1', undefined);
    expect(address.hostname).toBe('s3.cn-north-1.amazonaws.com.cn');
    expect(requestPath(address, 'a')).toBe('/my.data/a');
  });

  test('puts the bucket behind an endpoint of its own', () => {
    const address = bucketAddress('data', 'us-east-1', 'http://127.0.0.1:4566/s3/');
    expect(address).toMatchObject({ protocol: 'http:', hostname: '127.0.0.1', port: 4566 });
    expect(requestPath(address, 'a')).toBe('/s3/data/a');
    expect(requestPath(address, null)).toBe('/s3/data');
    expect(() => bucketAddress('data', 'us-east-1', 'ftp://host')).toThrow('not an http endpoint');
  });
});
