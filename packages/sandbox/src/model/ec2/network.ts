import type { Zone } from './catalog.ts';

/**
 * How the machines of a subnet reach AWS: the default route of its route table, and whether they get a public address.
 * `endpoints`: no default route, but endpoints for S3 and EC2.
 */
export const waysOut = [
  'internet-gateway',
  'internet-gateway-without-addresses',
  'nat-gateway',
  'deleted-nat-gateway',
  'transit-gateway',
  'endpoints',
  'none',
] as const;
export type WayOut = (typeof waysOut)[number];

const CLOSED: ReadonlySet<WayOut> = new Set(['internet-gateway-without-addresses', 'deleted-nat-gateway', 'none']);

/** The ways out of the region's subnets; each has the one of a default VPC until it is changed. */
export class Network {
  readonly #ways = new Map<string, WayOut>();

  /** Of a zone's subnet, by the zone's name. Machines that run already keep what they have. */
  setWayOut(zone: string, way: WayOut): void {
    this.#ways.set(zone, way);
  }

  wayOutOf({ name }: Pick<Zone, 'name'>): WayOut {
    return this.#ways.get(name) ?? 'internet-gateway';
  }

  /** No packet of a machine there gets to AWS; its metadata service answers all the same. */
  isClosed(zone: Pick<Zone, 'name'>): boolean {
    return CLOSED.has(this.wayOutOf(zone));
  }
}
