export { classifyAwsError } from './aws/classify.ts';
export * from './fleet-ender/fleet-ender.ts';
export * from './fleet-provider.ts';
export * from './process-folder.ts';
export * from './sandbox-client.ts';
export * from './user-data/render.ts';
