/**
 * List prices of on-demand instances in us-east-1, Linux, USD per hour, for the plan and for budgets when nothing better is
 * known. From the public EC2 price list as of 2025; they move rarely, and other regions differ by up to a third, so
 * everything computed from them is an estimate. Types that are missing have an unknown price.
 */
const ON_DEMAND_USD: Readonly<Record<string, number>> = {
  't3.medium': 0.0416,
  't3.large': 0.0832,
  'c7i.large': 0.08925,
  'c7i.xlarge': 0.1785,
  'm7i.large': 0.1008,
  'm7i.xlarge': 0.2016,
  'g4dn.xlarge': 0.526,
  'g4dn.2xlarge': 0.752,
  'g4dn.4xlarge': 1.204,
  'g4dn.12xlarge': 3.912,
  'g5.xlarge': 1.006,
  'g5.2xlarge': 1.212,
  'g5.4xlarge': 1.624,
  'g5.12xlarge': 5.672,
  'g6.xlarge': 0.8048,
  'g6.2xlarge': 0.9776,
  'p3.2xlarge': 3.06,
  'p3.8xlarge': 12.24,
};

export function onDemandPriceUsd(machineType: string): number | null {
  return ON_DEMAND_USD[machineType] ?? null;
}
