import { domainOf } from '@runctl/aws-wire';
import { RunctlError } from '@runctl/core';
import type { BootRequest } from '../../boot/boot-request.ts';
import { renderBootScript } from '../../boot/boot-script.ts';
import { fetcherScript } from './fetcher-script.ts';

/** EC2 takes at most this much raw user data (EC2 user guide, "instancedata-add-user-data"). */
export const USER_DATA_LIMIT_BYTES = 16 * 1024;

/**
 * The boot script of an EC2 instance, which cloud-init runs: it reaches the bucket with the instance's role. Errors:
 * `user-data-too-large`.
 */
export function renderUserData(request: BootRequest): string {
  const fetcher = fetcherScript.replaceAll('@DOMAIN@', domainOf(request.config.region));
  const script = renderBootScript(request, { host: 'ec2', fetcher });
  const sizeBytes = Buffer.byteLength(script);
  if (sizeBytes > USER_DATA_LIMIT_BYTES)
    throw new RunctlError(
      'user-data-too-large',
      `the boot script has ${sizeBytes} bytes; EC2 takes ${USER_DATA_LIMIT_BYTES}`,
      { hint: 'shorten the bucket prefix' },
    );
  return script;
}
