import type { AwsCredentials } from '@runctl/aws-wire';

/**
 * Called for every request, so it must be cheap: a provider keeps what it has until it must renew. `refresh` asks for new
 * ones because the service refused those given last. Rejects with StoreError `credentials`.
 */
export type CredentialsProvider = (options?: { readonly refresh?: boolean }) => Promise<AwsCredentials>;
