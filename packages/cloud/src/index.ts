export * from './fleet-provider.ts';
