import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { AwsError, asAwsError } from '../../model/aws-error.ts';
import type { Compute } from '../../model/compute/compute.ts';
import type { Principal } from '../../model/account/principal.ts';
import type { Service } from '../../wire/service.ts';
import { statusOfError } from '../../wire/error-status.ts';
import { readBody } from '../../wire/request-body.ts';
import { elementsOf, element, xmlDeclaration } from '../../wire/query-xml.ts';
import { authorize, proceed } from './action.ts';
import type { Action } from './action.ts';
import { catalogActions } from './catalog-actions.ts';
import { fleetActions } from './fleet-actions.ts';
import { fleetDescriptions } from './fleet-descriptions.ts';
import { Idempotency } from './idempotency.ts';
import { instanceActions } from './instance-actions.ts';
import { instanceDescriptions } from './instance-descriptions.ts';
import { launchTemplateActions } from './launch-template-actions.ts';
import { networkActions } from './network-actions.ts';
import { routeActions } from './route-actions.ts';
import { Parameters } from '../../wire/query-parameters.ts';
import { checkParameterNames } from './parameter-names.ts';
import { securityGroupActions } from './security-group-actions.ts';
import { spotActions } from './spot-actions.ts';
import { tagActions } from './tag-actions.ts';
import { volumeActions } from './volume-actions.ts';

const actions: ReadonlyMap<string, Action> = new Map(
  Object.entries({
    ...catalogActions,
    ...fleetActions,
    ...fleetDescriptions,
    ...instanceActions,
    ...instanceDescriptions,
    ...launchTemplateActions,
    ...networkActions,
    ...securityGroupActions,
    ...routeActions,
    ...spotActions,
    ...tagActions,
    ...volumeActions,
  }),
);

/** Names of every EC2 action that is served. */
export const ec2ActionNames: readonly string[] = [...actions.keys()];

const namespace = 'http://ec2.amazonaws.com/doc/2016-11-15/';

/** EC2's query API: form-encoded requests, XML answers. */
export function createEc2Service(compute: Compute): Service {
  const idempotency = new Idempotency();
  return {
    handle: async (request, response, principal) => {
      const requestId = randomUUID();
      try {
        const parameters = await readParameters(request);
        const name = parameters.text('Action') ?? '';
        const answer = await answerTo(name, { parameters, compute, principal, idempotency });
        const body = `<${name}Response xmlns="${namespace}">${elementsOf({ requestId, ...answer })}</${name}Response>`;
        send(response, { status: 200, requestId, body });
      } catch (error) {
        const { code, message } = asAwsError(error);
        const errors = element('Errors', { Error: { Code: code, Message: message } });
        const body = `<Response>${errors}${element('RequestID', requestId)}</Response>`;
        send(response, { status: statusOfError(code), requestId, body });
      }
    },
  };
}

interface CallContext {
  readonly parameters: Parameters;
  readonly compute: Compute;
  readonly principal: Principal;
  readonly idempotency: Idempotency;
}

function answerTo(name: string, context: CallContext) {
  const action = actions.get(name);
  if (action === undefined)
    throw new AwsError('InvalidAction', `The action ${name} is not valid for this web service.`);
  checkParameterNames(name, context.parameters);
  const call = { ...context, action: name };
  context.compute.settings.admit(name);
  authorize(call);
  if (/^(Describe|Get)/.test(name)) proceed(call);
  return action(call);
}

async function readParameters(request: IncomingMessage): Promise<Parameters> {
  const query = (request.url ?? '').split('?')[1] ?? '';
  const body = (await readBody(request)).toString('utf8');
  return Parameters.parse(new URLSearchParams([query, body].filter((part) => part !== '').join('&')));
}

function send(response: ServerResponse, answer: { status: number; requestId: string; body: string }): void {
  const text = xmlDeclaration + answer.body;
  response.writeHead(answer.status, {
    'content-type': 'text/xml;charset=UTF-8',
    'content-length': String(Buffer.byteLength(text)),
    'x-amzn-requestid': answer.requestId,
  });
  response.end(text);
}
