import { DescribeSpotPriceHistoryCommand, type EC2Client, type _InstanceType } from '@aws-sdk/client-ec2';

/** `type/zone` → USD per hour now. */
export async function spotPrices(
  client: EC2Client,
  machineTypes: readonly string[],
  nowMs: number,
): Promise<Map<string, number>> {
  const latest = new Map<string, { atMs: number; usd: number }>();
  let token: string | undefined;
  do {
    const page = await client.send(
      new DescribeSpotPriceHistoryCommand({
        InstanceTypes: machineTypes.map((type) => type as _InstanceType),
        ProductDescriptions: ['Linux/UNIX', 'Linux/UNIX (Amazon VPC)'],
        StartTime: new Date(nowMs),
        ...(token === undefined ? {} : { NextToken: token }),
      }),
    );
    for (const { InstanceType, AvailabilityZone, SpotPrice, Timestamp } of page.SpotPriceHistory ?? []) {
      const key = `${InstanceType}/${AvailabilityZone}`;
      const atMs = Timestamp?.getTime() ?? 0;
      if (SpotPrice !== undefined && atMs >= (latest.get(key)?.atMs ?? -1))
        latest.set(key, { atMs, usd: Number(SpotPrice) });
    }
    token = page.NextToken;
  } while (token !== undefined && token !== '');
  return new Map([...latest].map(([key, { usd }]) => [key, usd]));
}
