import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { asSeenFrom, clockOffsetOf } from '../../wire/clock-offset.ts';
import type { CredentialStore } from '../../model/account/principal.ts';
import type { RegionClock } from '../../model/region-clock.ts';
import type { SelfVerifyingService } from '../../wire/service.ts';
import { verifySignature, type VerifiedRequest } from '../../wire/signature.ts';
import { errorReply, newRequestId, send, type Envelope } from './answer.ts';
import { RequestBody } from './call/body.ts';
import { Buckets } from '../../model/s3/buckets.ts';
import { headersOf, targetOf, type VerifiedCall, type S3Reply, type Target } from './call/call.ts';
import { asRefusal, S3Refusal } from './call/refusal.ts';
import { Faults, type FaultCount, type FaultEffect, type FaultRule } from '../../model/s3/faults.ts';
import { operationFor } from './operations/index.ts';
import { routeOf, type Route } from './call/routing.ts';

export interface S3ServiceOptions {
  /** Folder for buckets and objects, which outlive the service; made if it is missing. One service at a time may use it. */
  readonly root: string;
  readonly credentials: CredentialStore;
  readonly clock: RegionClock;
  /** Default us-east-1. Requests signed for another region are served all the same unless `enforceRegion` is set. */
  readonly region?: string;
  readonly enforceRegion?: boolean;
  readonly faults?: readonly FaultRule[];
}

export interface S3Service extends SelfVerifyingService {
  /** Replaces all fault rules and their counts. Throws a ZodError when one is not valid, with nothing replaced. */
  setFaults(rules: readonly FaultRule[]): void;
  faultsSeen(): readonly FaultCount[];
  /** Makes a bucket of the account if there is none of that name. */
  ensureBucket(name: string): void;
  /** Closes the journals. No request may be under way. */
  close(): void;
}

/** S3 over a folder. What it models, and what not, stands in FAKES.md. */
export function createS3Service(options: S3ServiceOptions): S3Service {
  const buckets = new Buckets(options.root);
  const faults = new Faults(options.faults);
  return {
    handle: (request, response) => handle({ options, buckets, faults }, request, response),
    setFaults: (rules) => faults.replace(rules),
    faultsSeen: () => faults.seen(),
    ensureBucket: (name) => {
      const details = { createdMs: options.clock.nowMs(), location: options.region ?? 'us-east-1' };
      if (buckets.find(name) === undefined) buckets.create(name, details);
    },
    close: () => buckets.close(),
  };
}

interface Parts {
  readonly options: S3ServiceOptions;
  readonly buckets: Buckets;
  readonly faults: Faults;
}

async function handle(parts: Parts, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { clock, credentials } = parts.options;
  const offsetMs = clockOffsetOf(request, credentials);
  const requestId = newRequestId();
  const method = request.method ?? 'GET';
  const envelope = (bytesPerSecond?: number): Envelope => ({
    response,
    method,
    requestId,
    nowMs: clock.nowMs() - offsetMs,
    bytesPerSecond,
  });
  let effect: FaultEffect | undefined;
  try {
    const admitted = admit(parts, request);
    effect = admitted.effect;
    const before = await applyBefore(effect, response);
    if (before === 'cut') return;
    const reply = await perform(parts, request, admitted);
    if (effect?.kind === 'drop-response') {
      if (typeof reply.body === 'object') reply.body.close();
      cut(response);
      return;
    }
    await send(envelope(bandwidthOf(effect)), asSeenFrom(reply, offsetMs));
  } catch (error) {
    if (effect?.kind === 'drop-response') return cut(response);
    const resource = (request.url ?? '/').split('?', 1)[0] ?? '/';
    await send(envelope(), errorReply(asRefusal(error), { resource, requestId, method }));
  } finally {
    // The rest of a refused body must be read, or the next request on the connection is never seen.
    request.resume();
  }
}

interface Admitted {
  readonly target: Target;
  readonly verified: VerifiedRequest;
  readonly route: Route;
  readonly effect: FaultEffect | undefined;
}

/** Everything that is decided before the body is looked at. */
function admit({ options, faults }: Parts, request: IncomingMessage): Admitted {
  if (request.method === 'OPTIONS') throw preflightRefusal(request);
  const verified = verifySignature(request, {
    store: options.credentials,
    nowMs: options.clock.nowMs(),
    service: 's3',
    ...(options.enforceRegion === true && { region: options.region ?? 'us-east-1' }),
  });
  const target = targetOf(request);
  const route = routeOf(target, headersOf(request, target, verified.presigned));
  const effect = faults.next({
    operation: route.publicName,
    bucket: target.bucket,
    key: target.key,
    prefix: target.query.get('prefix'),
    instanceId: verified.principal.instanceId,
    partNumber: partNumberOf(target.query.get('partNumber')),
  });
  return { target, verified, route, effect };
}

/** No bucket answers a browser's question. Texts and codes are S3's, for a bucket without CORS rules. */
function preflightRefusal({ headers }: IncomingMessage): S3Refusal {
  if (headers.origin === undefined)
    return new S3Refusal('BadRequest', {
      status: 400,
      message: 'Insufficient information. Origin request header needed.',
    });
  return new S3Refusal('AccessForbidden', {
    status: 403,
    message: 'CORSResponse: CORS is not enabled for this bucket.',
  });
}

const partNumberOf = (text: string | undefined): number | undefined => (text === undefined ? undefined : Number(text));

async function applyBefore(effect: FaultEffect | undefined, response: ServerResponse): Promise<'go on' | 'cut'> {
  if (effect?.kind === 'delay') await sleep(effect.ms);
  if (effect?.kind === 'status')
    throw new S3Refusal(effect.code, {
      status: effect.status,
      ...(effect.message === undefined ? {} : { message: effect.message }),
    });
  if (effect?.kind !== 'reset') return 'go on';
  cut(response);
  return 'cut';
}

async function perform(parts: Parts, request: IncomingMessage, admitted: Admitted): Promise<S3Reply> {
  const { target, verified, route, effect } = admitted;
  const headers = headersOf(request, target, verified.presigned);
  const { clock, region = 'us-east-1' } = parts.options;
  const call: VerifiedCall = {
    ...target,
    headers,
    body: new RequestBody(request, { payload: verified.payload, headers, bytesPerSecond: bandwidthOf(effect) }),
    principal: verified.principal,
    buckets: parts.buckets,
    region,
    nowMs: () => clock.nowMs(),
  };
  return operationFor(route)(call);
}

function bandwidthOf(effect: FaultEffect | undefined): number | undefined {
  return effect?.kind === 'bandwidth' ? effect.bytesPerSecond : undefined;
}

/** Ends the connection with a reset, as a network or a dying front end does, rather than with a clean close. */
function cut(response: ServerResponse): void {
  response.socket?.resetAndDestroy();
}
