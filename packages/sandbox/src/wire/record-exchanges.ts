import { openSync, writeSync } from 'node:fs';
import type { IncomingMessage, OutgoingHttpHeaders, RequestListener, ServerResponse } from 'node:http';
import { messageOf, type Log } from '@runctl/core';
import { credentialScopeOf } from './signature-fields.ts';

/** One call of an AWS service and its answer, as they were on the wire. */
export interface RecordedExchange {
  /** Of the signature's scope; `s3` where nothing was signed. */
  readonly service: string;
  readonly method: string;
  readonly url: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** Null for none, for one over 1 MiB, and for what is no XML in S3: the bytes of objects are no part of a call. */
  readonly body: string | null;
  /** Null when the connection ended before the answer did. */
  readonly answer: {
    readonly status: number;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: string | null;
  } | null;
}

const MAX_BODY_BYTES = 1024 * 1024;
/** Whoever reads a record gets no keys by it. */
const SECRET_HEADERS: ReadonlySet<string> = new Set(['authorization', 'x-amz-security-token']);
const SECRET_PARAMETERS = /([?&]X-Amz-(?:Credential|Security-Token|Signature)=)[^&]*/g;

/**
 * Adds each exchange to `file` as one JSON line. Only its owner can read the file. A disk that takes no more ends the record,
 * not the region; a file that cannot be opened throws.
 */
export function exchangesInto(file: string, log: Log): (exchange: RecordedExchange) => void {
  let descriptor: number | null = openSync(file, 'a', 0o600);
  return (exchange) => {
    if (descriptor === null) return;
    try {
      writeSync(descriptor, `${JSON.stringify(exchange)}\n`);
    } catch (error) {
      descriptor = null;
      log.error({ err: messageOf(error), file }, 'sandbox: the record of calls ends here');
    }
  };
}

/** `listener`, with each exchange given to `record` once it is over. What passes is not changed. */
export function recordExchanges(
  listener: RequestListener,
  record: (exchange: RecordedExchange) => void,
): RequestListener {
  return (request, response) => {
    const asked = new BodyCopy();
    const answered = new BodyCopy();
    copyRequest(request, asked);
    copyAnswer(response, answered);
    response.once('close', () => record(exchangeOf(request, response, { asked, answered })));
    listener(request, response);
  };
}

/** The beginning of a body. */
class BodyCopy {
  readonly #chunks: Buffer[] = [];
  #sizeBytes = 0;

  add(chunk: unknown): void {
    if (typeof chunk !== 'string' && !(chunk instanceof Uint8Array)) return;
    const bytes = Buffer.from(chunk);
    this.#sizeBytes += bytes.length;
    if (this.#sizeBytes <= MAX_BODY_BYTES) this.#chunks.push(bytes);
  }

  text(service: string): string | null {
    if (this.#sizeBytes === 0 || this.#sizeBytes > MAX_BODY_BYTES) return null;
    const text = Buffer.concat(this.#chunks).toString('utf8');
    return service !== 's3' || text.trimStart().startsWith('<') ? text : null;
  }
}

/** A listener for `data` would set the body flowing before its reader is there; the parser's own call does not. */
function copyRequest(request: IncomingMessage, copy: BodyCopy): void {
  const push = request.push.bind(request);
  request.push = (chunk: unknown, encoding?: BufferEncoding) => {
    copy.add(chunk);
    return push(chunk, encoding);
  };
}

function copyAnswer(response: ServerResponse, copy: BodyCopy): void {
  // Once a header was set, Node also keeps those of `writeHead` where `getHeaders` finds them.
  response.setHeader('x-recorded', '1');
  response.removeHeader('x-recorded');
  for (const name of ['write', 'end'] as const) {
    const original = response[name].bind(response) as (...values: unknown[]) => unknown;
    const copying = (...values: unknown[]) => {
      copy.add(values[0]);
      return original(...values);
    };
    Object.assign(response, { [name]: copying });
  }
}

function exchangeOf(
  request: IncomingMessage,
  response: ServerResponse,
  { asked, answered }: { readonly asked: BodyCopy; readonly answered: BodyCopy },
): RecordedExchange {
  const service = credentialScopeOf(request)?.service ?? 's3';
  const { statusCode: status } = response;
  const answer = { status, headers: plainHeaders(response.getHeaders()), body: answered.text(service) };
  return {
    service,
    method: request.method ?? '',
    url: (request.url ?? '').replaceAll(SECRET_PARAMETERS, '$1-'),
    headers: plainHeaders(request.headers),
    body: asked.text(service),
    answer: response.writableFinished ? answer : null,
  };
}

function plainHeaders(headers: OutgoingHttpHeaders): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers)
      .filter(([name, value]) => value !== undefined && !SECRET_HEADERS.has(name))
      .map(([name, value]) => [name, String(value)]),
  );
}
