import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Compute } from '../model/compute/compute.ts';
import type { Instance } from '../model/ec2/instance.ts';
import { metadataTree } from './documents.ts';
import type { MetadataTree } from './documents.ts';
import type { MetadataFaults } from './faults.ts';
import { MetadataTokens } from './tokens.ts';

const versions = ['1.0', '2007-01-19', '2009-04-04', '2016-09-02', '2021-03-23', '2021-07-15', '2022-09-24', 'latest'];
const ttlHeader = 'x-aws-ec2-metadata-token-ttl-seconds';

interface Answer {
  readonly status: number;
  readonly body: string | Buffer;
  readonly headers?: Readonly<Record<string, string>>;
}

const titles: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
};

/** The real service answers errors with a small XHTML page. */
function failure(status: number): Answer {
  const title = `${status} - ${titles[status] ?? 'Internal Server Error'}`;
  return {
    status,
    headers: { 'content-type': 'text/html' },
    body: `<?xml version="1.0" encoding="iso-8859-1"?>
<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">
<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="en" lang="en">
 <head><title>${title}</title></head>
 <body><h1>${title}</h1></body>
</html>
`,
  };
}

function text(body: string | Buffer): Answer {
  const json = typeof body === 'string' && /^[[{]/.test(body);
  return { status: 200, body, headers: { 'content-type': json ? 'application/json' : 'text/plain' } };
}

interface MetadataRegion {
  readonly compute: Compute;
  readonly faults: MetadataFaults;
  readonly tokenlessAgents?: RegExp | undefined;
}

/** The instance metadata service (version 2; version 1 where the instance's options allow it) of one instance. */
export function createImdsListener(region: MetadataRegion, instanceId: string): RequestListener {
  const { compute, faults, tokenlessAgents } = region;
  const tokens = new MetadataTokens(() => compute.clock.nowMs());
  return (request, response) => {
    request.resume();
    if (isFromElsewhere(request))
      return send(request, response, { answer: failure(403), nowMs: compute.clock.nowMs() });
    const path = requestPath(request);
    const fault = faults.take(instanceId, path);
    if (fault?.kind === 'hang') return faults.hang(response);
    if (fault?.kind === 'expire-tokens') tokens.expireAll();
    const instance = compute.instances.find(instanceId);
    const answer =
      fault?.kind === 'status'
        ? failure(fault.status)
        : instance === undefined
          ? failure(404)
          : serve(request, { compute, instance, tokens, path, tokenlessAgents });
    send(request, response, { answer, nowMs: compute.clock.nowMs() - (instance?.clockOffsetMs ?? 0) });
  };
}

/** The addresses that machines have for the service, at either level; with a port where it is not 80. */
const OWN_HOST = /^(?:169\.254\.169\.254|127\.0\.0\.1|localhost)(?::\d{1,5})?$/i;

/**
 * A page in a browser, which may have pointed a name of its own at this address, or which names itself in Origin. EC2's
 * service is out of a browser's reach; on loopback this is what keeps pages out.
 */
function isFromElsewhere(request: IncomingMessage): boolean {
  return !OWN_HOST.test(request.headers.host ?? '127.0.0.1') || request.headers.origin !== undefined;
}

interface Scene {
  readonly compute: Compute;
  readonly instance: Instance;
  readonly tokens: MetadataTokens;
  readonly path: string;
  readonly tokenlessAgents: RegExp | undefined;
}

function requestPath(request: IncomingMessage): string {
  const raw = (request.url ?? '/').split('?')[0] ?? '/';
  try {
    return decodeURIComponent(raw);
  } catch {
    return raw;
  }
}

function serve(request: IncomingMessage, scene: Scene): Answer {
  const { metadata } = scene.instance.spec;
  if (metadata.httpEndpoint === 'disabled') return failure(403);
  const [version = '', ...rest] = scene.path.split('/').filter((part) => part !== '');
  const path = rest.join('/');
  if (path === 'api/token') return serveToken(request, scene.tokens);
  if (request.method !== 'GET' && request.method !== 'HEAD') return failure(405);
  const token = request.headers['x-aws-ec2-metadata-token'];
  const needsToken =
    metadata.httpTokens === 'required' && scene.tokenlessAgents?.test(request.headers['user-agent'] ?? '') !== true;
  if (typeof token === 'string' ? !scene.tokens.isValid(token) : needsToken) return failure(401);
  if (version === '') return text(versions.join('\n'));
  if (!versions.includes(version)) return failure(404);
  if (path === 'user-data')
    return scene.instance.spec.userData === null ? failure(404) : text(scene.instance.spec.userData);
  return lookUp(metadataTree(scene.compute, scene.instance), path, scene.instance.spec.userData !== null);
}

function serveToken(request: IncomingMessage, tokens: MetadataTokens): Answer {
  if (request.method !== 'PUT') return failure(405);
  if (request.headers['x-forwarded-for'] !== undefined) return failure(403);
  const header = request.headers[ttlHeader];
  const issued = tokens.issue(typeof header === 'string' ? header : undefined);
  if (issued === null) return failure(400);
  return {
    status: 200,
    body: issued.token,
    headers: { 'content-type': 'text/plain', [ttlHeader]: String(issued.ttlSeconds) },
  };
}

/** A leaf's value, or the listing of a folder: one name a line, folders with a slash. */
function lookUp(tree: MetadataTree, path: string, hasUserData: boolean): Answer {
  const leaf = tree.get(path);
  if (leaf !== undefined) return text(leaf());
  const prefix = path === '' ? '' : `${path}/`;
  const names = new Set<string>();
  for (const key of tree.keys()) {
    if (!key.startsWith(prefix)) continue;
    const [name = '', ...deeper] = key.slice(prefix.length).split('/');
    // At the top the service lists plain names.
    names.add(deeper.length > 0 && prefix !== '' ? `${name}/` : name);
  }
  if (path === '' && hasUserData) names.add('user-data');
  return names.size === 0 ? failure(404) : text([...names].sort().join('\n'));
}

function send(request: IncomingMessage, response: ServerResponse, sent: { answer: Answer; nowMs: number }): void {
  const { status, body, headers } = sent.answer;
  response.writeHead(status, {
    ...headers,
    'content-length': String(Buffer.byteLength(body)),
    server: 'EC2ws',
    date: new Date(sent.nowMs).toUTCString(),
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}
