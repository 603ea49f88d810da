import type { LaunchIntent } from '@runctl/protocol';
import type { HostIdentity } from '../host/host.ts';

/** The hourly price of the offer that this machine came from, by the plan that was shown before the launch; null without one. */
export function priceOf(intent: LaunchIntent | null, identity: HostIdentity): number | null {
  const fits = (intent?.offers ?? []).filter(
    (offer) => offer.machineType === identity.machineType && offer.location === identity.location,
  );
  return fits.find((offer) => offer.market === identity.market)?.pricePerHourUsd ?? null;
}
