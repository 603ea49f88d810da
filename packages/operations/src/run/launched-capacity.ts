import { RunctlError } from '@runctl/core';
import type { CapacityRef, Provider } from '@runctl/provider';
import type { LaunchRecord } from './run-record.ts';

/**
 * Under what reference the provider knows the capacity of a launch: as the bucket has it, else as the provider finds it,
 * since a laptop may have died between the call and storing the reference, or while it replaced the capacity. Null when there is none. Errors:
 * `config-invalid` when another provider launched it; those of the provider.
 */
export async function capacityOf(
  provider: Provider,
  run: string,
  { launch, intent, machines }: LaunchRecord,
): Promise<CapacityRef | null> {
  const launchedBy = machines?.provider ?? intent?.provider ?? provider.name;
  if (launchedBy !== provider.name)
    throw new RunctlError('config-invalid', `${run} has its machines from ${launchedBy}, not from ${provider.name}`, {
      hint: `set provider = "${launchedBy}" in .runctl.toml, or RUNCTL_PROVIDER=${launchedBy}`,
    });
  if (machines !== null && machines.replacing === null) return machines.ref;
  const found = await provider.find(run, launch);
  if (found === null || machines === null || provider.nameOf(found) !== provider.nameOf(machines.ref)) return found;
  // The old one, which counts for as long as it was not ended.
  return (await provider.state(found)).status === 'active' ? found : null;
}
