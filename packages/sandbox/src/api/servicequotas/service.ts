import type { Quota } from '../../model/account/quotas.ts';
import { AwsError } from '../../model/aws-error.ts';
import type { Compute } from '../../model/compute/compute.ts';
import type { Service } from '../../wire/service.ts';
import { createJsonService, type JsonAction } from '../json-service.ts';
import type { Input } from '../ssm/input.ts';

const actions: Readonly<Record<string, JsonAction>> = {
  GetServiceQuota: (input, compute) => {
    checkService(input);
    return { Quota: quotaView(compute.quotas.get(input.required('QuotaCode')), compute) };
  },

  ListServiceQuotas: (input, compute) => {
    checkService(input);
    const from = Number(input.text('NextToken') ?? 0);
    if (!Number.isInteger(from) || from < 0)
      throw new AwsError('InvalidPaginationTokenException', 'Invalid input was provided.');
    const until = from + (input.integer('MaxResults') ?? 100);
    const all = compute.quotas.list();
    const next = until < all.length ? { NextToken: String(until) } : {};
    return { ...next, Quotas: all.slice(from, until).map((quota) => quotaView(quota, compute)) };
  },
};

/** Names of every Service Quotas action that is served. */
export const quotaActionNames: readonly string[] = Object.keys(actions);

function checkService(input: Input): void {
  if (input.required('ServiceCode') === 'ec2') return;
  throw new AwsError('NoSuchResourceException', 'The request failed because the specified service does not exist.');
}

function quotaView({ code, name, value }: Quota, { region, accountId }: Compute) {
  return {
    ServiceCode: 'ec2',
    ServiceName: 'Amazon Elastic Compute Cloud (Amazon EC2)',
    QuotaArn: `arn:aws:servicequotas:${region}:${accountId}:ec2/${code}`,
    QuotaCode: code,
    QuotaName: name,
    Value: value,
    Unit: 'None',
    Adjustable: true,
    GlobalQuota: false,
  };
}

/** Service Quotas' JSON 1.1 API, for EC2's quotas alone. */
export function createQuotasService(compute: Compute): Service {
  const words = { throttled: 'TooManyRequestsException', failed: 'ServiceException' };
  return createJsonService(compute, { name: 'servicequotas', actions, words });
}
