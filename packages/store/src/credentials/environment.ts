import type { AwsCredentials } from '@runctl/aws-wire';
import { StoreError } from '../port/object-store.ts';
import type { CredentialsProvider } from './credentials.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** The keys in `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`, or null when they are not set. */
export function credentialsOf(environment: Environment): AwsCredentials | null {
  const accessKeyId = environment['AWS_ACCESS_KEY_ID'];
  const secretAccessKey = environment['AWS_SECRET_ACCESS_KEY'];
  if (!accessKeyId || !secretAccessKey) return null;
  return { accessKeyId, secretAccessKey, sessionToken: environment['AWS_SESSION_TOKEN'] || undefined };
}

export function environmentCredentials(environment: Environment): CredentialsProvider {
  return async () => {
    const credentials = credentialsOf(environment);
    if (credentials !== null) return credentials;
    throw new StoreError('credentials', 'AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set');
  };
}

export function fixedCredentials(credentials: AwsCredentials): CredentialsProvider {
  return async () => credentials;
}
