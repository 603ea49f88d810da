import { FakeClock } from '@runctl/testkit';
import { expect, test } from 'vitest';
import { connectProvider, type ProviderConnection } from './connect-provider.ts';

const connection: ProviderConnection = {
  region: 'eu-central-1',
  clock: new FakeClock(),
  awsAccess: () => Promise.reject(new Error('nobody asked')),
};

test('gives the provider of a name without a call', () => {
  const provider = connectProvider('aws', connection);
  expect([provider.name, provider.place, provider.can.recovers.value]).toEqual(['aws', 'eu-central-1', 'by-itself']);
  provider.close();
});

test('a name that no provider has is refused with the nearest', () => {
  expect(() => connectProvider('awz', connection)).toThrow('there is no provider "awz"');
  expect(() => connectProvider('toString', connection)).toThrow('there is no provider "toString"');
});
