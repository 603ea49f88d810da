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

/** GetCallerIdentity of AWS STS, for the account's user and for the sessions of instances; DecodeAuthorizationMessage for the user. */
export function createStsService(compute: Pick<Compute, 'accountId' | 'settings'>): Service {
  return {
    handle: async (request, response, principal) => {
      const requestId = randomUUID();
      let status = 200;
      let body: string;
      try {
        const asked = await read(request);
        const { action } = asked;
        compute.settings.admit(action);
        const result = resultOf(asked, { principal, accountId: compute.accountId });
        const metadata = element('ResponseMetadata', { RequestId: requestId });
        body =
          `<${action}Response xmlns="${namespace}">` +
          `${element(`${action}Result`, result)}${metadata}</${action}Response>`;
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

interface Asked {
  readonly action: string;
  readonly version: string;
  readonly encodedMessage: string;
}

/** Throws AwsError for what is not served. */
function resultOf(
  { action, version, encodedMessage }: Asked,
  { principal, accountId }: { readonly principal: Principal; readonly accountId: string },
): Readonly<Record<string, string>> {
  if (version === '2011-06-15' && action === 'GetCallerIdentity')
    return { UserId: userIdOf(principal), Account: accountId, Arn: principal.arn };
  if (version !== '2011-06-15' || action !== 'DecodeAuthorizationMessage')
    throw new AwsError('InvalidAction', `Could not find operation ${action} for version ${version}`);
  if (principal.kind !== 'user')
    throw new AwsError('AccessDenied', `User: ${principal.arn} is not authorized to perform: sts:${action}`);
  return { DecodedMessage: decoded(encodedMessage) };
}

/** The region itself encodes nothing: a test that plans a refusal writes its JSON into it in base64. */
function decoded(encodedMessage: string): string {
  const text = Buffer.from(encodedMessage, 'base64url').toString('utf8');
  if (text.startsWith('{')) return text;
  throw new AwsError('InvalidAuthorizationMessageException', 'Message is not valid');
}

async function read(request: IncomingMessage): Promise<Asked> {
  const query = new URLSearchParams((request.url ?? '').split('?')[1] ?? '');
  const body = new URLSearchParams((await readBody(request)).toString('utf8'));
  const value = (name: string) => body.get(name) ?? query.get(name) ?? '';
  return { action: value('Action'), version: value('Version'), encodedMessage: value('EncodedMessage') };
}

function userIdOf(principal: Principal): string {
  return principal.kind === 'user' ? 'AIDASANDBOXUSER000000' : `AROASANDBOXROLE000000:${principal.instanceId ?? ''}`;
}
