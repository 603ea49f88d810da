import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { element, elementsOf } from '../wire/query-xml.ts';

/** XML name spaces of the services that people try first. Clients do not look at them. */
const namespaces: Readonly<Record<string, string>> = {
  autoscaling: 'http://autoscaling.amazonaws.com/doc/2011-01-01/',
  cloudformation: 'http://cloudformation.amazonaws.com/doc/2010-05-15/',
  sns: 'http://sns.amazonaws.com/doc/2010-03-31/',
};

/**
 * Answers a request to a service that the region does not have, in the protocol that the request speaks: a client that
 * cannot read the error reports a parser's. Query services name their action in a form, JSON ones in X-Amz-Target, the
 * rest in method and path.
 */
export function refuseService(
  request: IncomingMessage,
  response: ServerResponse,
  { service, body }: { readonly service: string; readonly body: Buffer },
): void {
  const requestId = randomUUID();
  const message = `the sandbox does not serve ${service}`;
  const action = actionIn(request, body);
  const headers = { 'x-amzn-requestid': requestId };
  if (action === null) {
    const [type = ''] = /^application\/x-amz-json-1\.[01]/.exec(request.headers['content-type'] ?? '') ?? [];
    response
      .writeHead(501, { ...headers, 'content-type': type || 'application/x-amz-json-1.1' })
      .end(JSON.stringify({ __type: 'UnknownOperationException', message }));
    return;
  }
  const namespace = namespaces[service] ?? `http://${service}.amazonaws.com/`;
  const error = element('Error', { Type: 'Sender', Code: 'InvalidAction', Message: `${message} (${action})` });
  const text = `<ErrorResponse xmlns="${namespace}">${error}${elementsOf({ RequestId: requestId })}</ErrorResponse>`;
  response.writeHead(400, { ...headers, 'content-type': 'text/xml' }).end(text);
}

/** The action of a query request; null for the other protocols. */
function actionIn(request: IncomingMessage, body: Buffer): string | null {
  const query = new URLSearchParams((request.url ?? '').split('?')[1] ?? '');
  const isForm = request.headers['content-type']?.startsWith('application/x-www-form-urlencoded') ?? false;
  return query.get('Action') ?? (isForm ? new URLSearchParams(body.toString('utf8')).get('Action') : null);
}
