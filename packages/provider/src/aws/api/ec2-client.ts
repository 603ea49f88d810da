import { EC2Client } from '@aws-sdk/client-ec2';

/**
 * A missing capacity is an HTTP 500 for EC2, so the SDK's own retries would burn three attempts before a fallback starts;
 * launching has few attempts, reading has many.
 */
export function createEc2Clients(region: string): {
  readonly reading: EC2Client;
  readonly launching: EC2Client;
  close(): void;
} {
  const reading = new EC2Client({ region, maxAttempts: 5, retryMode: 'standard' });
  const launching = new EC2Client({ region, maxAttempts: 2 });
  return {
    reading,
    launching,
    close: () => {
      reading.destroy();
      launching.destroy();
    },
  };
}
