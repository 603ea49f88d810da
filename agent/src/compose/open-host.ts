import { RunctlError } from '@runctl/core';
import { ec2Opener } from '../host/ec2/open-ec2-host.ts';
import type { HostOpener, HostSurroundings, OpenedHost } from '../host/opened-host.ts';
import { plainOpener } from '../host/plain/open-plain-host.ts';

const openers: readonly HostOpener[] = [ec2Opener, plainOpener];

/** The host that the agent's configuration names. Errors: `config-invalid` where this agent does not know it. */
export function openHost(kind: string, surroundings: HostSurroundings): OpenedHost {
  const opener = openers.find((each) => each.kind === kind);
  if (opener !== undefined) return opener.open(surroundings);
  const known = openers.map((each) => each.kind).join(' and ');
  throw new RunctlError('config-invalid', `agent.json names the host '${kind}', which this agent does not know`, {
    hint: `it knows ${known}; launch with the runctl that this agent belongs to`,
  });
}
