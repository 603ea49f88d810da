export * from './fleet-ender/fleet-ender.ts';
export * from './process-folder.ts';
export * from './sandbox-client.ts';
