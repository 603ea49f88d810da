import { isRunctlError, RunctlError } from '@runctl/core';
import type { AccountFinding, Offer, OfferWish, Provider } from '@runctl/provider';
import type { Market } from '@runctl/protocol';
import type { LaunchPlace, MachineWish } from './launch-plan.ts';
import { preflight } from './preflight.ts';

/**
 * Where the wish can run, with prices, and what a launch needs there. Costs nothing. Errors: `instance-type-unknown`,
 * `pool-invalid`, `config-invalid` where its machines could not work, and those of the provider.
 */
export async function findPlace(
  provider: Provider,
  wish: MachineWish & {
    readonly market: Market | null;
    /** Whether the launch may go on in another market. */
    readonly fallsBack: boolean;
  },
): Promise<LaunchPlace> {
  const { image, rootDiskGiB } = wish;
  const market = wish.market ?? usualMarket(provider);
  const wanted = { ...offerWishOf(wish, market), image, rootDiskGiB };
  const offers = await provider.offers(wanted);
  const chosen = { ...wanted, machineTypes: [...new Set(offers.map(({ machineType }) => machineType))] };
  const [target, findings, fallbackOffers] = await Promise.all([
    provider.target(wanted, offers),
    provider.account?.examineLaunch(wanted, offers) ?? [],
    wish.fallsBack && market === 'spot' ? otherOffers(provider, { ...chosen, market: 'on-demand' }) : [],
  ]);
  refuseProblems(findings);
  const checked = await preflight(provider, { target, offers });
  const usable = new Set(checked.offers.map(({ location }) => location));
  return {
    market,
    fallbackOffers: fallbackOffers.filter(({ location }) => usable.has(location)),
    architecture: architectureOf(offers),
    target,
    quotas: findings.flatMap(quotaText),
    offers: checked.offers,
    warnings: [...checked.warnings, ...openFindings(findings)],
  };
}

/** What may be wrong with the account, or is so for some of the machines: a sentence each. */
function openFindings(findings: readonly AccountFinding[]): readonly string[] {
  return findings.filter(({ state }) => state === 'unknown').map(({ subject, text }) => `${subject}: ${text}`);
}

/** What is plainly wrong with the account ends a launch before anything costs; what could not be told does not. */
function refuseProblems(findings: readonly AccountFinding[]): void {
  const first = findings.find(({ state }) => state === 'problem');
  if (first === undefined) return;
  const { subject, text, fix, errorCode } = first;
  throw new RunctlError(errorCode ?? 'config-invalid', `${subject}: ${text}`, { hint: fix ?? undefined });
}

/** A clause of what was found about a quota; nothing for any other finding. */
function quotaText({ subject, text }: AccountFinding): readonly string[] {
  if (!subject.startsWith('quota')) return [];
  const [, types] = /^quota of (.+)$/.exec(subject) ?? [];
  return [types === undefined ? `not known: ${text}` : `${types}: ${text}`];
}

/** What is asked of the provider for a wish in a market. */
export function offerWishOf(
  wish: Pick<MachineWish, 'machineTypes' | 'gpus' | 'cpus' | 'memoryGiB' | 'architecture' | 'providerSettings'>,
  market: Market,
): OfferWish {
  const { architecture, cpus, gpus, machineTypes, memoryGiB, providerSettings: settings } = wish;
  const need = gpus === null && cpus === null && memoryGiB === null ? null : { gpus, cpus, memoryGiB };
  return { machineTypes, need, market, architecture, settings };
}

function architectureOf(offers: readonly Offer[]): 'x64' | 'arm64' {
  return offers[0]?.architecture === 'arm64' ? 'arm64' : 'x64';
}

/** Of a market that a launch may go on in; none where it can't. */
async function otherOffers(provider: Provider, wish: OfferWish): Promise<readonly Offer[]> {
  if (provider.markets === undefined || !provider.can.markets.value.includes(wish.market)) return [];
  try {
    return await provider.offers(wish);
  } catch (error) {
    // Types that are not sold in the other market make no launch there; in the first one they may.
    if (isRunctlError(error, 'pool-invalid')) return [];
    throw error;
  }
}

/** Spot is what runctl is for; a provider without it sells machines otherwise. */
function usualMarket({ can }: Pick<Provider, 'can'>): Market {
  const { value: markets } = can.markets;
  return markets.includes('spot') ? 'spot' : (markets[0] ?? 'on-demand');
}
