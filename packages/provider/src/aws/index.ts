export type { AwsAccess } from './api/clients.ts';
export { createAwsProvider } from './aws-provider.ts';
