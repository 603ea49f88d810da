import {
  DescribeSpotPriceHistoryCommand,
  type EC2Client,
  type SpotPrice,
  type _InstanceType,
} from '@aws-sdk/client-ec2';

/** `type/zone` → USD per hour now. */
export async function spotPrices(
  client: EC2Client,
  machineTypes: readonly string[],
  nowMs: number,
): Promise<Map<string, number>> {
  const latest = new Map<string, { atMs: number; usd: number }>();
  for await (const { pool, atMs, usd } of spotPriceChanges(client, machineTypes, nowMs))
    if (atMs >= (latest.get(pool)?.atMs ?? -1)) latest.set(pool, { atMs, usd });
  return new Map([...latest].map(([key, { usd }]) => [key, usd]));
}

interface PriceChange {
  /** `type/zone` */
  readonly pool: string;
  readonly atMs: number;
  readonly usd: number;
}

const TYPES_PER_CALL = 100;

/** Changes since then, with the last one before it (EC2 API reference, DescribeSpotPriceHistory). */
export async function* spotPriceChanges(
  client: EC2Client,
  machineTypes: readonly string[],
  sinceMs: number,
): AsyncGenerator<PriceChange> {
  for (let at = 0; at < machineTypes.length; at += TYPES_PER_CALL) {
    const InstanceTypes = machineTypes.slice(at, at + TYPES_PER_CALL).map((type) => type as _InstanceType);
    let token: string | undefined;
    do {
      const page = await client.send(
        new DescribeSpotPriceHistoryCommand({
          InstanceTypes,
          ProductDescriptions: ['Linux/UNIX', 'Linux/UNIX (Amazon VPC)'],
          StartTime: new Date(sinceMs),
          ...(token === undefined ? {} : { NextToken: token }),
        }),
      );
      for (const row of page.SpotPriceHistory ?? []) if (row.SpotPrice !== undefined) yield changeOf(row);
      token = page.NextToken;
    } while (token !== undefined && token !== '');
  }
}

function changeOf({ AvailabilityZone, InstanceType, SpotPrice: usd, Timestamp }: SpotPrice): PriceChange {
  return { pool: `${InstanceType}/${AvailabilityZone}`, atMs: Timestamp?.getTime() ?? 0, usd: Number(usd) };
}
