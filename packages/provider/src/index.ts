export { classifyAwsError } from './aws/classify.ts';
export * from './boot/render.ts';
export * from './fleet-provider.ts';
