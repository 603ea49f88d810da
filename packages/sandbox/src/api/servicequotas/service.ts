import { randomUUID } from 'node:crypto';
import { isAllowed } from '../../model/account/policy.ts';
import type { Quota } from '../../model/account/quotas.ts';
import { AwsError, asAwsError } from '../../model/aws-error.ts';
import type { Compute } from '../../model/compute/compute.ts';
import { readBody } from '../../wire/request-body.ts';
import type { Service } from '../../wire/service.ts';
import { Input } from '../ssm/input.ts';

type QuotaAction = (input: Input, compute: Compute) => Readonly<Record<string, unknown>>;

const actions: Readonly<Record<string, QuotaAction>> = {
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
  return {
    handle: async (request, response, principal) => {
      let status = 200;
      let result: unknown;
      try {
        const body = (await readBody(request)).toString('utf8');
        const target = request.headers['x-amz-target'];
        const name = typeof target === 'string' ? (target.split('.')[1] ?? '') : '';
        const action = actions[name];
        if (action === undefined) throw new AwsError('UnknownOperationException', `Unknown operation ${name}`);
        compute.settings.admit(name);
        if (!isAllowed(principal, `servicequotas:${name}`, { granted: compute.settings.roleActions }))
          throw new AwsError(
            'AccessDeniedException',
            `User: ${principal.arn} is not authorized to perform: servicequotas:${name}`,
          );
        result = action(Input.parse(body), compute);
      } catch (error) {
        const failure = asAwsError(error);
        // Its word for throttling; every client error is a 400.
        const code = failure.code === 'RequestLimitExceeded' ? 'TooManyRequestsException' : failure.code;
        status = code === 'InternalError' ? 500 : 400;
        result = { __type: code === 'InternalError' ? 'ServiceException' : code, message: failure.message };
      }
      const text = JSON.stringify(result);
      response.writeHead(status, {
        'content-type': 'application/x-amz-json-1.1',
        'content-length': String(Buffer.byteLength(text)),
        'x-amzn-requestid': randomUUID(),
      });
      response.end(text);
    },
  };
}
