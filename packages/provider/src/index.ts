export { renderUserData } from './aws/boot/user-data.ts';
export { classifyAwsError } from './aws/api/classify.ts';
export type { BootRequest } from './boot/boot-request.ts';
export type * from './fleet-provider.ts';
export type * from './port/index.ts';
