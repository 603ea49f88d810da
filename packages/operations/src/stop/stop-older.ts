import { parseLaunchKey, runKeys } from '@runctl/protocol';
import type { LaunchPorts } from '../launch/launch-ports.ts';

/**
 * Ends the machines of a run whose documents have an older format: the provider finds them by what it remembers of the
 * launches itself, since nothing that an older runctl wrote is read. Machines are told to shut down, in which an agent saves
 * what it can. Returns what was ended, by name. Errors: those of the provider, StoreError.
 */
export async function stopOlderRun(ports: LaunchPorts, run: string): Promise<readonly string[]> {
  const { provider, store } = ports.cloud;
  const launches = new Set<number>();
  for await (const { key } of store.list({ prefix: runKeys(run).launchesFolder })) {
    const parsed = parseLaunchKey(key);
    if (parsed !== null) launches.add(parsed.launch);
  }
  const ended: string[] = [];
  for (const launch of launches) {
    const ref = await provider.find(run, launch);
    if (ref === null) continue;
    await provider.end({ run, launch, ref }, { terminate: true });
    ended.push(provider.nameOf(ref));
  }
  return ended;
}
