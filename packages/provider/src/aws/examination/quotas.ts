import { DescribeInstanceTypesCommand, type EC2Client, type _InstanceType } from '@aws-sdk/client-ec2';
import type { Market } from '@runctl/protocol';
import * as z from 'zod';
import type { AccountServices } from '../api/account-services.ts';
import type { AccountFinding } from '../../port/index.ts';
import { ok, problem, untold } from './finding.ts';
import { quotaOf, type ListedQuota } from './quota-of.ts';

const page = z.object({
  NextToken: z.string().nullish(),
  Quotas: z.array(z.object({ QuotaCode: z.string(), QuotaName: z.string(), Value: z.number() })),
});

/** All quotas of EC2 with the account's values. Rejects as a JsonService. */
export async function listQuotas({ quotas }: Pick<AccountServices, 'quotas'>): Promise<readonly ListedQuota[]> {
  const listed: ListedQuota[] = [];
  let token: string | null | undefined;
  do {
    const input = { ServiceCode: 'ec2', MaxResults: 100, ...(token ? { NextToken: token } : {}) };
    const { NextToken, Quotas } = page.parse(await quotas.call('ListServiceQuotas', input));
    for (const { QuotaCode, QuotaName, Value } of Quotas)
      listed.push({ code: QuotaCode, name: QuotaName, value: Value });
    token = NextToken;
  } while (token);
  return listed;
}

/** vCPUs of each type. */
export async function vcpusOf(
  client: EC2Client,
  machineTypes: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  const InstanceTypes = machineTypes.map((type) => type as _InstanceType);
  const answer = await client.send(new DescribeInstanceTypesCommand({ InstanceTypes }));
  return new Map(answer.InstanceTypes?.map((each) => [each.InstanceType ?? '', each.VCpuInfo?.DefaultVCpus ?? 0]));
}

interface WantedVcpus {
  readonly market: Market;
  /** By type. */
  readonly vcpus: ReadonlyMap<string, number>;
}

/** One finding for each quota that the types count against, and one for each type whose quota was not found. */
export function judgeQuotas({ market, vcpus }: WantedVcpus, listed: readonly ListedQuota[]): readonly AccountFinding[] {
  const typesOf = new Map<ListedQuota | null, string[]>();
  for (const type of vcpus.keys()) {
    const quota = quotaOf(type, market, listed);
    typesOf.set(quota, [...(typesOf.get(quota) ?? []), type]);
  }
  return [...typesOf].map(([quota, types]) => judgeQuota(quota, types, { market, vcpus }));
}

function judgeQuota(
  quota: ListedQuota | null,
  types: readonly string[],
  { market, vcpus }: WantedVcpus,
): AccountFinding {
  const subject = `quota of ${types.join(', ')}, ${market}`;
  if (quota === null)
    return untold(
      subject,
      'none of the quotas of EC2 is known to be theirs',
      'look for the family in Service Quotas, EC2',
    );
  const named = `"${quota.name}" (${quota.code})`;
  const needed = Math.min(...types.map((type) => vcpus.get(type) ?? 0));
  if (quota.value >= needed) return ok(subject, `${quota.value} vCPUs, ${named}`);
  const have =
    quota.value === 0 ? 'is 0 in this region' : `is ${quota.value} vCPUs, and the smallest of them has ${needed}`;
  const other = market === 'spot' ? 'on-demand has a quota of its own (--on-demand)' : 'spot has a quota of its own';
  return problem(subject, `${named} ${have}`, {
    code: 'quota-exceeded',
    fix: `\`aws service-quotas request-service-quota-increase --service-code ec2 --quota-code ${quota.code} --desired-value ${Math.max(needed, 8)}\`, or use another family; ${other}`,
  });
}
