import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { isAllowed } from '../../model/account/policy.ts';
import type { Principal } from '../../model/account/principal.ts';
import { AwsError, asAwsError } from '../../model/aws-error.ts';
import type { Compute } from '../../model/compute/compute.ts';
import { Parameters } from '../../wire/query-parameters.ts';
import { element, elementsOf, repeatedElements, xmlDeclaration } from '../../wire/query-xml.ts';
import { readBody } from '../../wire/request-body.ts';
import type { Service } from '../../wire/service.ts';
import { iamActions } from './actions.ts';

/** Names of every IAM action that is served. */
export const iamActionNames: readonly string[] = Object.keys(iamActions);

const namespace = 'https://iam.amazonaws.com/doc/2010-05-08/';
const version = '2010-05-08';

/** Status of IAM's errors that are not 400 (IAM API reference, errors of each action). */
const statusOfCode: Readonly<Record<string, number>> = {
  AccessDenied: 403,
  NoSuchEntity: 404,
  EntityAlreadyExists: 409,
  DeleteConflict: 409,
  LimitExceeded: 409,
  InternalError: 500,
  ServiceFailure: 500,
};

/** IAM's query API, as far as roles, instance profiles and service-linked roles go. */
export function createIamService(compute: Compute): Service {
  return {
    handle: async (request, response, principal) => {
      const requestId = randomUUID();
      let status = 200;
      let body: string;
      try {
        body = answerTo(await parametersOf(request), { compute, principal, requestId });
      } catch (error) {
        // IAM's word for throttling.
        const { code: own, message } = asAwsError(error);
        const code = own === 'RequestLimitExceeded' ? 'Throttling' : own;
        status = statusOfCode[code] ?? 400;
        const fields = { Type: status >= 500 ? 'Receiver' : 'Sender', Code: code, Message: message };
        body = `<ErrorResponse xmlns="${namespace}">${elementsOf({ Error: fields, RequestId: requestId })}</ErrorResponse>`;
      }
      const text = xmlDeclaration + body;
      response.writeHead(status, {
        'content-type': 'text/xml',
        'content-length': String(Buffer.byteLength(text)),
        'x-amzn-requestid': requestId,
      });
      response.end(text);
    },
  };
}

function answerTo(
  parameters: Parameters,
  { compute, principal, requestId }: { compute: Compute; principal: Principal; requestId: string },
): string {
  const name = parameters.text('Action') ?? '';
  const action = iamActions[name];
  if (action === undefined || parameters.text('Version') !== version)
    throw new AwsError('InvalidAction', `Could not find operation ${name} for version ${parameters.text('Version')}`);
  compute.settings.admit(name);
  if (!isAllowed(principal, `iam:${name}`, { granted: compute.settings.roleActions }))
    throw new AwsError(
      'AccessDenied',
      `User: ${principal.arn} is not authorized to perform: iam:${name} because no identity-based policy allows the iam:${name} action`,
    );
  const result = action(parameters, compute);
  const shown = result === null ? '' : `<${name}Result>${repeatedElements(result)}</${name}Result>`;
  const metadata = element('ResponseMetadata', { RequestId: requestId });
  return `<${name}Response xmlns="${namespace}">${shown}${metadata}</${name}Response>`;
}

async function parametersOf(request: IncomingMessage): Promise<Parameters> {
  const query = (request.url ?? '').split('?')[1] ?? '';
  const body = (await readBody(request)).toString('utf8');
  return Parameters.parse(new URLSearchParams([query, body].filter((part) => part !== '').join('&')));
}
