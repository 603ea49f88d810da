import { EC2Client, type EC2ClientConfig } from '@aws-sdk/client-ec2';
import { SSMClient } from '@aws-sdk/client-ssm';
import { connectionLimits, limitCalls, type LimitedCalls } from './call-limits.ts';

/** Which account and region, as values: two of them may be open in one process. What is left out, the SDK finds itself. */
export interface AwsAccess extends LimitedCalls {
  readonly region: string;
  /** Where the services answer; one that is not in it answers at AWS. */
  readonly endpoints?: {
    readonly [service in 'ec2' | 'ssm' | 'sts' | 'iam' | 'serviceQuotas' | 'pricing' | 's3']?: string | undefined;
  };
  readonly credentials?: NonNullable<EC2ClientConfig['credentials']>;
  readonly useFipsEndpoint?: boolean;
  readonly useDualstackEndpoint?: boolean;
}

export interface AwsClients {
  /** Many attempts: a throttled or lost read is asked again. */
  readonly reading: EC2Client;
  /** Few attempts: a missing capacity is an HTTP 500 for EC2, and the SDK would spend its attempts on it before a fallback starts. */
  readonly launching: EC2Client;
  readonly ssm: SSMClient;
  close(): void;
}

export function createAwsClients(access: AwsAccess): AwsClients {
  const { region, endpoints, credentials, useFipsEndpoint, useDualstackEndpoint } = access;
  const shared = {
    region,
    requestHandler: connectionLimits(access.limits),
    ignoreConfiguredEndpointUrls: endpoints !== undefined,
    ...(credentials === undefined ? {} : { credentials }),
    ...(useFipsEndpoint === undefined ? {} : { useFipsEndpoint }),
    ...(useDualstackEndpoint === undefined ? {} : { useDualstackEndpoint }),
  };
  const ec2 = { ...shared, ...(endpoints?.ec2 === undefined ? {} : { endpoint: endpoints.ec2 }) };
  const reading = new EC2Client({ ...ec2, maxAttempts: 5, retryMode: 'standard' });
  const launching = new EC2Client({ ...ec2, maxAttempts: 2 });
  const ssm = new SSMClient({ ...shared, ...(endpoints?.ssm === undefined ? {} : { endpoint: endpoints.ssm }) });
  limitCalls(reading, 'EC2', access);
  limitCalls(launching, 'EC2', access);
  limitCalls(ssm, 'SSM', access);
  return {
    reading,
    launching,
    ssm,
    close: () => {
      for (const client of [reading, launching, ssm]) client.destroy();
    },
  };
}
