export { classifyAwsError } from './aws/classify.ts';
export * from './aws/boot/user-data.ts';
export * from './fleet-provider.ts';
