import type { Provider } from '@runctl/provider';
import type { Market } from '@runctl/protocol';
import type { LaunchPlace, MachineWish } from './launch-plan.ts';

/** Of the runtime that machines fetch. */
const AGENT_ARCHITECTURE = 'x64';

/**
 * Where the wish can run, with prices, and what a launch needs there. Costs nothing. Errors: `instance-type-unknown`,
 * `pool-invalid`, and those of the provider.
 */
export async function findPlace(
  provider: Provider,
  wish: Omit<MachineWish, 'maxRuntimeMs'> & { readonly market: Market },
): Promise<LaunchPlace> {
  const { machineTypes, market, image, rootDiskGiB, providerSettings: settings } = wish;
  const wanted = { machineTypes, market, architecture: AGENT_ARCHITECTURE, settings, image, rootDiskGiB } as const;
  const offers = await provider.offers(wanted);
  return { market, offers, target: await provider.target(wanted, offers) };
}
