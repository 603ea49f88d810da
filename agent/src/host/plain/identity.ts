import { createHash } from 'node:crypto';
import type { HostIdentity } from '../host.ts';

/** What a machine's operating system tells of it. */
export interface SystemFacts {
  readonly hostname: string;
  /** `/etc/machine-id`; null where there is none. */
  readonly machineId: string | null;
  /** Several agents of one rehearsal have roots of their own on one system. */
  readonly instanceRoot: string;
  readonly cores: number;
  readonly architecture: string;
}

const ID_DIGITS = 8;

/**
 * The machine by its name and a digest of what is its own: the machine id is confidential (machine-id(5)), and a name alone
 * is often not unique. A machine whose owner keeps it is never taken back, so its market is `on-demand`.
 */
export function plainIdentity(facts: SystemFacts): HostIdentity {
  const { architecture, cores, hostname, instanceRoot, machineId } = facts;
  const digest = createHash('sha256')
    .update(`runctl ${machineId ?? hostname} ${instanceRoot}`)
    .digest('hex');
  return {
    machineId: `${hostname}-${digest.slice(0, ID_DIGITS)}`,
    machineType: `${cores}-core ${architecture}`,
    location: hostname,
    market: 'on-demand',
    capacity: null,
  };
}
