import { systemClock } from '@runctl/core';
import { fixedCredentials, limited, type ObjectStore, prefixed, retrying, S3Store } from '@runctl/store';

/** A store put together as the agent does it (agent/src/compose/compose-agent.ts). */
export function agentStore(endpoint: string): { readonly store: ObjectStore; readonly bucket: S3Store } {
  const bucket = new S3Store({
    bucket: 'b',
    region: 'us-east-1',
    credentials: fixedCredentials({ accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI' }),
    clock: systemClock,
    endpoint,
  });
  return { store: retrying(prefixed(limited(bucket, 32), ''), { clock: systemClock }), bucket };
}
