import { parseLaunchKey, runKeys } from '@runctl/protocol';
import type { LaunchPorts } from '../launch/launch-ports.ts';

/**
 * Ends the machines of a run whose documents have an older format: it finds them by the tags of its launches, since nothing
 * that an older runctl wrote is read. Machines are told to shut down, in which an agent saves what it can. Returns what was
 * ended. Errors: those of the provider, StoreError.
 */
export async function stopOlderRun(ports: LaunchPorts, run: string): Promise<readonly string[]> {
  const { fleets, store } = ports.cloud;
  const launches = new Set<number>();
  for await (const { key } of store.list({ prefix: runKeys(run).launchesFolder })) {
    const parsed = parseLaunchKey(key);
    if (parsed !== null) launches.add(parsed.launch);
  }
  const ended: string[] = [];
  for (const launch of launches) {
    const made = await fleets.findFleet(run, launch);
    if (made === null) continue;
    await fleets.deleteFleet(made.fleetId, { terminate: true, launchTemplateId: made.launchTemplateId });
    ended.push(made.fleetId);
  }
  return ended;
}
