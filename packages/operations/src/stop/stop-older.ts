import { RunctlError } from '@runctl/core';
import { parseLaunchKey, runKeys } from '@runctl/protocol';
import type { LaunchPorts } from '../launch/launch-ports.ts';
import { isLiving } from '../run/liveness.ts';
import { endCapacity } from './end-capacity.ts';

/**
 * Ends the machines of a run whose documents have an older format: the provider finds them by what it remembers of the
 * launches itself, since nothing that an older runctl wrote is read. Machines are told to shut down, in which an agent saves
 * what it can. Returns what was ended, by name, once the provider shows no machine of it any more. Errors: those of the
 * provider, StoreError, `cloud-error` when machines still run afterwards.
 */
export async function stopOlderRun(
  ports: LaunchPorts,
  { run, signal }: { readonly run: string; readonly signal: AbortSignal },
): Promise<readonly string[]> {
  const { provider, store } = ports.cloud;
  const launches = new Set<number>();
  for await (const { key } of store.list({ prefix: runKeys(run).launchesFolder })) {
    const parsed = parseLaunchKey(key);
    if (parsed !== null) launches.add(parsed.launch);
  }
  const ended: string[] = [];
  for (const launch of launches) {
    const record = { launch, intent: null, machines: null, outcome: null };
    const { id } = await endCapacity(ports, { run, launch: record, patienceMs: 0, signal });
    if (id !== null) ended.push(id);
  }
  const left = (await provider.machines(run)).filter(isLiving);
  if (left.length === 0) return ended;
  throw new RunctlError('cloud-error', `${left.map(({ machineId }) => machineId).join(', ')} of ${run} still run`, {
    hint: `nothing that could be ended starts them again: end them at ${provider.name} by hand`,
  });
}
