import { RunctlError } from '@runctl/core';
import { openEc2Host } from '../host/ec2/open-ec2-host.ts';
import type { HostSurroundings, OpenedHost } from '../host/opened-host.ts';
import { openPlainHost } from '../host/plain/open-plain-host.ts';

const hosts: Readonly<Record<string, (surroundings: HostSurroundings) => OpenedHost>> = {
  ec2: openEc2Host,
  plain: openPlainHost,
};

/** The host that the agent's configuration names. Errors: `config-invalid` where this agent does not know it. */
export function openHost(kind: string, surroundings: HostSurroundings): OpenedHost {
  const open = Object.hasOwn(hosts, kind) ? hosts[kind] : undefined;
  if (open !== undefined) return open(surroundings);
  throw new RunctlError('config-invalid', `agent.json names the host '${kind}', which this agent does not know`, {
    hint: `it knows ${Object.keys(hosts).join(' and ')}; launch with the runctl that this agent belongs to`,
  });
}
