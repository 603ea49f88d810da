export * from './fleet-provider.ts';
export * from './sandbox-client.ts';
