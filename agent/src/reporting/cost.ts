/** Dollars for a time at a price per hour; null when the price is not known. Machines are billed by the second. */
export function costUsd(pricePerHourUsd: number | null, forMs: number): number | null {
  return pricePerHourUsd === null ? null : (pricePerHourUsd * Math.max(0, forMs)) / 3_600_000;
}
