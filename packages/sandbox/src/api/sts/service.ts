import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { AwsError, asAwsError } from '../../model/aws-error.ts';
import type { Compute } from '../../model/compute/compute.ts';
import type { Principal } from '../../model/account/principal.ts';
import type { Service } from '../../wire/service.ts';
import { statusOfError } from '../../wire/error-status.ts';
import { readBody } from '../../wire/request-body.ts';
import { elementsOf, element, xmlDeclaration } from '../../wire/query-xml.ts';

const namespace = 'https://sts.amazonaws.com/doc/2011-06-15/';

/** GetCallerIdentity of AWS STS, for the account's user and for the sessions of instances. */
export function createStsService(compute: Pick<Compute, 'accountId' | 'settings'>): Service {
  return {
    handle: async (request, response, principal) => {
      const requestId = randomUUID();
      let status = 200;
      let body: string;
      try {
        const { action, version } = await namesIn(request);
        compute.settings.admit(action);
        if (action !== 'GetCallerIdentity' || version !== '2011-06-15')
          throw new AwsError('InvalidAction', `Could not find operation ${action} for version ${version}`);
        const result = { UserId: userIdOf(principal), Account: compute.accountId, Arn: principal.arn };
        const metadata = element('ResponseMetadata', { RequestId: requestId });
        body =
          `<GetCallerIdentityResponse xmlns="${namespace}">` +
          `${element('GetCallerIdentityResult', result)}${metadata}</GetCallerIdentityResponse>`;
      } catch (error) {
        const failure = asAwsError(error);
        status = statusOfError(failure.code);
        const type = status >= 500 ? 'Receiver' : 'Sender';
        const fields = { Type: type, Code: failure.code, Message: failure.message };
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

async function namesIn(request: IncomingMessage): Promise<{ readonly action: string; readonly version: string }> {
  const query = new URLSearchParams((request.url ?? '').split('?')[1] ?? '');
  const body = new URLSearchParams((await readBody(request)).toString('utf8'));
  const read = (name: string) => body.get(name) ?? query.get(name) ?? '';
  return { action: read('Action'), version: read('Version') };
}

function userIdOf(principal: Principal): string {
  return principal.kind === 'user' ? 'AIDASANDBOXUSER000000' : `AROASANDBOXROLE000000:${principal.instanceId ?? ''}`;
}
