import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { AwsError, asAwsError } from '../../model/aws-error.ts';
import type { Compute } from '../../model/compute/compute.ts';
import { isAllowed } from '../../model/account/policy.ts';
import type { Service } from '../../wire/service.ts';
import { readBody } from '../../wire/request-body.ts';
import { commandActions } from './command-actions.ts';
import { Input } from './input.ts';
import { instanceInformationActions } from './instance-information.ts';
import { parameterActions } from './parameter-actions.ts';

/** Answers one call with the JSON body of its result. Throws AwsError. */
export type SsmAction = (input: Input, compute: Compute) => Readonly<Record<string, unknown>>;

const actions: ReadonlyMap<string, SsmAction> = new Map(
  Object.entries({ ...commandActions, ...instanceInformationActions, ...parameterActions }),
);

/** Names of every SSM action that is served. */
export const ssmActionNames: readonly string[] = [...actions.keys()];

const contentType = 'application/x-amz-json-1.1';

/** Systems Manager's JSON 1.1 API: the action is named by X-Amz-Target. */
export function createSsmService(compute: Compute): Service {
  return {
    handle: async (request, response, principal) => {
      let status = 200;
      let result: unknown;
      try {
        const body = (await readBody(request)).toString('utf8');
        const name = actionName(request);
        const action = actions.get(name);
        if (action === undefined) throw new AwsError('UnknownOperationException', `Unknown operation ${name}`);
        compute.settings.admit(name);
        if (!isAllowed(principal, `ssm:${name}`, { granted: compute.settings.roleActions })) {
          throw new AwsError(
            'AccessDeniedException',
            `User: ${principal.arn} is not authorized to perform: ssm:${name} because no identity-based policy allows the ssm:${name} action`,
          );
        }
        result = action(Input.parse(body), compute);
      } catch (error) {
        const failure = asAwsError(error);
        // SSM's word for throttling; every client error of SSM is a 400.
        const code = failure.code === 'RequestLimitExceeded' ? 'ThrottlingException' : failure.code;
        status = code === 'InternalError' ? 500 : 400;
        result = { __type: code === 'InternalError' ? 'InternalServerError' : code, message: failure.message };
      }
      const text = JSON.stringify(result);
      response.writeHead(status, {
        'content-type': contentType,
        'content-length': String(Buffer.byteLength(text)),
        'x-amzn-requestid': randomUUID(),
      });
      response.end(text);
    },
  };
}

function actionName(request: IncomingMessage): string {
  const target = request.headers['x-amz-target'];
  return typeof target === 'string' ? (target.split('.')[1] ?? '') : '';
}
