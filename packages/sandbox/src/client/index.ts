export * from './instance-homes.ts';
export * from './process-folder.ts';
export * from './sandbox-client.ts';
