import { RunctlError } from '@runctl/core';
import * as z from 'zod';

/** What the configuration says for AWS alone. */
const awsSettings = z.strictObject({
  /** Name or ARN. */
  instanceProfile: z.string().min(1).optional(),
  /** Empty = the default subnets. */
  subnets: z.array(z.string()).default([]),
  /** Empty = the default group. */
  securityGroups: z.array(z.string()).default([]),
});

/** Errors: `config-invalid`. */
export function readAwsSettings(settings: Readonly<Record<string, unknown>>): z.output<typeof awsSettings> {
  const read = awsSettings.safeParse(settings);
  if (read.success) return read.data;
  throw new RunctlError('config-invalid', `the settings of AWS are not as expected: ${z.prettifyError(read.error)}`, {
    hint: 'AWS takes instance_profile, subnets and security_groups',
  });
}
