import { readFileSync } from 'node:fs';
import { arch, availableParallelism, hostname } from 'node:os';
import { credentialsOf, fixedCredentials, StoreError } from '@runctl/store';
import type { HostOpener, HostSurroundings, OpenedHost } from '../opened-host.ts';
import { createPlainHost } from './plain-host.ts';

export const plainOpener: HostOpener = { kind: 'plain', open };

/**
 * This machine as its operating system describes it. Its credentials are those of the environment; without any, each use
 * rejects as the credentials port demands: a plain machine has no role.
 */
function open({ environment, instanceRoot }: HostSurroundings): OpenedHost {
  const host = createPlainHost({
    hostname: hostname(),
    machineId: machineIdOf('/etc/machine-id'),
    instanceRoot,
    cores: availableParallelism(),
    architecture: arch(),
  });
  const given = credentialsOf(environment);
  return { host, credentials: given === null ? withoutCredentials : fixedCredentials(given) };
}

const withoutCredentials = (): Promise<never> =>
  Promise.reject(
    new StoreError(
      'credentials',
      'this machine has no credentials for the bucket: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY for runctl-agent',
    ),
  );

function machineIdOf(path: string): string | null {
  try {
    return readFileSync(path, 'utf8').trim() || null;
  } catch {
    return null; // systemd makes it; other systems have none
  }
}
