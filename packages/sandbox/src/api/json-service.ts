import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { isAllowed } from '../model/account/policy.ts';
import type { Principal } from '../model/account/principal.ts';
import { AwsError, asAwsError } from '../model/aws-error.ts';
import type { Compute } from '../model/compute/compute.ts';
import { readBody } from '../wire/request-body.ts';
import type { Service } from '../wire/service.ts';
import { Input } from './ssm/input.ts';

/** Answers one call with the JSON body of its result. Throws AwsError. */
export type JsonAction = (input: Input, compute: Compute) => Readonly<Record<string, unknown>>;

interface JsonServiceOptions {
  /** The name in a signature's scope and before an action's name in a policy. */
  readonly name: string;
  readonly actions: Readonly<Record<string, JsonAction>>;
  /** The service's own words for being asked too often, and for an error of its own. */
  readonly words: { readonly throttled: string; readonly failed: string };
}

/** A service's JSON 1.1 API: the action is named by X-Amz-Target, and every client error is a 400. */
export function createJsonService(compute: Compute, options: JsonServiceOptions): Service {
  const { words } = options;
  return {
    handle: async (request, response, principal) => {
      let status = 200;
      let result: Readonly<Record<string, unknown>>;
      try {
        const action = admitted(compute, options, { request, principal });
        const body = (await readBody(request)).toString('utf8');
        result = action(Input.parse(body), compute);
      } catch (error) {
        const failure = asAwsError(error);
        const code = failure.code === 'RequestLimitExceeded' ? words.throttled : failure.code;
        status = code === 'InternalError' ? 500 : 400;
        result = { __type: code === 'InternalError' ? words.failed : code, message: failure.message };
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

/** The action that a request names, if its sender may call it now. Throws AwsError. */
function admitted(
  compute: Compute,
  { name, actions }: JsonServiceOptions,
  { request, principal }: { readonly request: IncomingMessage; readonly principal: Principal },
): JsonAction {
  const target = request.headers['x-amz-target'];
  const called = typeof target === 'string' ? (target.split('.')[1] ?? '') : '';
  const action = Object.hasOwn(actions, called) ? actions[called] : undefined;
  if (action === undefined) throw new AwsError('UnknownOperationException', `Unknown operation ${called}`);
  compute.settings.admit(called);
  if (isAllowed(principal, `${name}:${called}`, { granted: compute.settings.roleActions })) return action;
  throw new AwsError('AccessDeniedException', `User: ${principal.arn} is not authorized to perform: ${name}:${called}`);
}
