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
  wish: MachineWish & { readonly market: Market | null },
): Promise<LaunchPlace> {
  const { machineTypes, image, rootDiskGiB, providerSettings: settings } = wish;
  const market = wish.market ?? usualMarket(provider);
  const wanted = { machineTypes, market, architecture: AGENT_ARCHITECTURE, settings, image, rootDiskGiB } as const;
  const offers = await provider.offers(wanted);
  return { market, offers, target: await provider.target(wanted, offers) };
}

/** Spot is what runctl is for; a provider without it sells machines otherwise. */
function usualMarket({ can }: Pick<Provider, 'can'>): Market {
  const { value: markets } = can.markets;
  return markets.includes('spot') ? 'spot' : (markets[0] ?? 'on-demand');
}
