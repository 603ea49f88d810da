import { RunctlError } from '@runctl/core';
import type { AccountFinding, Provider } from '@runctl/provider';
import type { Market } from '@runctl/protocol';
import type { LaunchPlace, MachineWish } from './launch-plan.ts';
import { preflight } from './preflight.ts';

/** Of the runtime that machines fetch. */
const AGENT_ARCHITECTURE = 'x64';

/**
 * Where the wish can run, with prices, and what a launch needs there. Costs nothing. Errors: `instance-type-unknown`,
 * `pool-invalid`, `config-invalid` where its machines could not work, and those of the provider.
 */
export async function findPlace(
  provider: Provider,
  wish: MachineWish & { readonly market: Market | null },
): Promise<LaunchPlace> {
  const { machineTypes, image, rootDiskGiB, providerSettings: settings } = wish;
  const market = wish.market ?? usualMarket(provider);
  const wanted = { machineTypes, market, architecture: AGENT_ARCHITECTURE, settings, image, rootDiskGiB } as const;
  const offers = await provider.offers(wanted);
  const [target, findings] = await Promise.all([
    provider.target(wanted, offers),
    provider.account?.examineLaunch(wanted, offers) ?? [],
  ]);
  refuseProblems(findings);
  return { market, target, ...(await preflight(provider, { target, offers })) };
}

/** What is plainly wrong with the account ends a launch before anything costs; what could not be told does not. */
function refuseProblems(findings: readonly AccountFinding[]): void {
  const first = findings.find(({ state }) => state === 'problem');
  if (first === undefined) return;
  const { subject, text, fix, errorCode } = first;
  throw new RunctlError(errorCode ?? 'config-invalid', `${subject}: ${text}`, { hint: fix ?? undefined });
}

/** Spot is what runctl is for; a provider without it sells machines otherwise. */
function usualMarket({ can }: Pick<Provider, 'can'>): Market {
  const { value: markets } = can.markets;
  return markets.includes('spot') ? 'spot' : (markets[0] ?? 'on-demand');
}
