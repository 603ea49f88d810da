import { IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { messageOf, type Log } from '@runctl/core';
import { clockOffsetOf } from '../wire/clock-offset.ts';
import type { CredentialStore } from '../model/account/principal.ts';
import type { RegionClock } from '../model/region-clock.ts';
import type { SelfVerifyingService, Service } from '../wire/service.ts';
import { SignatureError } from '../wire/signature-error.ts';
import { credentialScopeOf, verifySignature } from '../wire/signature.ts';
import { refuse } from './signature-answers.ts';
import { refuseService } from './unserved.ts';

const MAX_BODY_BYTES = 1024 * 1024;

/** Regions where a service answers for all others (General Reference, "IAM", "STS"; Price List user guide). */
const ANSWER_AT: Readonly<Record<string, readonly string[]>> = {
  sts: ['us-east-1'],
  iam: ['us-east-1'],
  pricing: ['us-east-1', 'eu-central-1', 'ap-south-1'],
};

export interface FrontOptions {
  readonly s3: SelfVerifyingService;
  /** Every other service, by the name in a signature's scope. */
  readonly services: ReadonlyMap<string, Service>;
  readonly credentials: CredentialStore;
  readonly clock: RegionClock;
  /** Signatures for another region are refused, but for services that answer elsewhere for all regions. S3 takes any. */
  readonly region: string;
  readonly log: Log;
}

/**
 * All AWS services on one address: a request belongs to the service that it was signed for. What is not signed at all is
 * S3's to refuse, as only S3 has public objects.
 */
export function createFront(options: FrontOptions): RequestListener {
  return (request, response) => {
    dispatch(options, request, response).catch((error: unknown) => {
      options.log.error({ err: messageOf(error), url: request.url }, 'sandbox: a service failed');
      if (!response.headersSent) response.writeHead(500);
      response.end();
    });
  };
}

async function dispatch(options: FrontOptions, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const name = credentialScopeOf(request)?.service ?? 's3';
  if (name === 's3') return options.s3.handle(request, response);
  const service = options.services.get(name);
  const shownMs = options.clock.nowMs() - clockOffsetOf(request, options.credentials);
  response.setHeader('date', new Date(shownMs).toUTCString());
  const body = await readAll(request);
  if (body === null) return void response.writeHead(413).end();
  if (service === undefined) return refuseService(request, response, { service: name, body });
  try {
    const nowMs = options.clock.nowMs();
    const isElsewhere = ANSWER_AT[name]?.includes(credentialScopeOf(request)?.region ?? '') ?? false;
    const verified = verifySignature(request, {
      store: options.credentials,
      nowMs,
      service: name,
      body,
      ...(isElsewhere ? {} : { region: options.region }),
    });
    await service.handle(replayed(request, body), response, verified.principal);
  } catch (error) {
    if (!(error instanceof SignatureError)) throw error;
    refuse(response, name, error);
  }
}

async function readAll(request: IncomingMessage): Promise<Buffer | null> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    sizeBytes += chunk.length;
    if (sizeBytes > MAX_BODY_BYTES) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** The request once more, with its body unread. */
function replayed(request: IncomingMessage, body: Buffer): IncomingMessage {
  const again = new IncomingMessage(request.socket);
  for (const [name, value] of Object.entries(request.headers)) again.headers[name] = value;
  again.rawHeaders = request.rawHeaders;
  again.httpVersion = request.httpVersion;
  if (request.method !== undefined) again.method = request.method;
  if (request.url !== undefined) again.url = request.url;
  again.push(body);
  again.push(null);
  again.complete = true;
  return again;
}
