import { fromNodeProviderChain } from '@aws-sdk/credential-providers';
import type { CredentialsProvider } from '@runctl/store';

/**
 * Whatever the SDK's chain finds: profiles, SSO, containers, the instance's role. A module of its own, imported lazily: the
 * SDK's package is CommonJS, of which a bundle's `import()` gives only the default export.
 */
export function credentialChain(profile: string | undefined): CredentialsProvider {
  const find = fromNodeProviderChain(profile === undefined ? {} : { profile });
  return async () => {
    const { accessKeyId, secretAccessKey, sessionToken, expiration } = await find();
    return { accessKeyId, secretAccessKey, sessionToken, expiresAtMs: expiration?.getTime() };
  };
}
