import { JsonClient, QueryClient, domainOf, elementText, partitionOf, type AwsCredentials } from '@runctl/aws-wire';
import { RunctlError, retry, type Clock } from '@runctl/core';
import type { AwsAccess } from './clients.ts';

/** A service refused a call. Its name is the service's own code, as of the SDK's errors. */
export class ServiceRefusal extends Error {
  readonly status: number;

  constructor(code: string, message: string, status: number) {
    super(message);
    this.name = code;
    this.status = status;
  }
}

export interface QueryService {
  /** The answer's XML. Throttled and failed calls are repeated. Rejects with ServiceRefusal and `cloud-unreachable`. */
  call(action: string, parameters?: Readonly<Record<string, string>>): Promise<string>;
}

export interface JsonService {
  /** The answer. Rejects as a QueryService. */
  call(action: string, input: Readonly<Record<string, unknown>>): Promise<unknown>;
}

/** The services that say what an account has. Small calls, made without the SDK: each client of it is 100 KB of our bundle. */
export interface AccountServices {
  readonly region: string;
  readonly sts: QueryService;
  readonly iam: QueryService;
  readonly quotas: JsonService;
  /** Null where the partition has no prices in dollars that can be asked for. */
  readonly pricing: JsonService | null;
  /** Errors: `no-credentials`, and those of the search. */
  readonly credentials: () => Promise<AwsCredentials>;
}

export interface ServiceConnection {
  readonly access: AwsAccess;
  readonly clock: Clock;
  /** Longest wait for one answer. */
  readonly timeoutMs?: number;
}

export function accountServices({ access, clock, timeoutMs = 10_000 }: ServiceConnection): AccountServices {
  const { region, endpoints = {} } = access;
  const credentials = wireCredentials(access);
  const home = iamHome(region);
  const shared = { credentials, clock, timeoutMs };
  const regional = (service: string): string => `https://${service}.${region}.${domainOf(region)}`;
  const sts = { service: 'sts', version: '2011-06-15', region, endpoint: endpoints.sts ?? regional('sts') };
  const iam = { service: 'iam', version: '2010-05-08', region: home.region, endpoint: endpoints.iam ?? home.endpoint };
  const quotas = {
    service: 'servicequotas',
    target: 'ServiceQuotasV20190624',
    region,
    endpoint: endpoints.serviceQuotas ?? regional('servicequotas'),
  };
  const at = pricingRegion(region);
  const pricing = {
    service: 'pricing',
    target: 'AWSPriceListService',
    region: at ?? region,
    endpoint: endpoints.pricing ?? `https://api.pricing.${at}.amazonaws.com`,
  };
  return {
    region,
    credentials,
    sts: queryService(new QueryClient({ ...shared, ...sts }), clock),
    iam: queryService(new QueryClient({ ...shared, ...iam }), clock),
    quotas: jsonService(new JsonClient({ ...shared, ...quotas }), clock),
    pricing: at === null ? null : jsonService(new JsonClient({ ...shared, ...pricing }), clock),
  };
}

/** IAM is one for a partition, and two of them do without their region's name (IAM endpoints of the AWS SDKs, 2026). */
export function iamHome(region: string): { readonly region: string; readonly endpoint: string } {
  const { name, domain, homeRegion } = partitionOf(region);
  if (name === 'aws') return { region: homeRegion, endpoint: 'https://iam.amazonaws.com' };
  if (name === 'aws-us-gov') return { region: homeRegion, endpoint: 'https://iam.us-gov.amazonaws.com' };
  return { region: homeRegion, endpoint: `https://iam.${homeRegion}.${domain}` };
}

/**
 * The nearest region that tells prices: three do, each those of all regions (Price List user guide, "Finding services and
 * products"). GovCloud's keys are not known there, and China's prices are in its own currency.
 */
function pricingRegion(region: string): string | null {
  if (domainOf(region) !== 'amazonaws.com' || region.startsWith('us-gov-')) return null;
  if (/^(eu|il|me|af)-/.test(region)) return 'eu-central-1';
  return region.startsWith('ap-') ? 'ap-south-1' : 'us-east-1';
}

/** The keys of an access as the wire takes them. */
export function wireCredentials({ credentials: given }: AwsAccess): () => Promise<AwsCredentials> {
  return async () => {
    if (given === undefined) throw new RunctlError('no-credentials', 'no AWS credentials were given');
    const found = typeof given === 'function' ? await given() : given;
    const { accessKeyId, secretAccessKey, sessionToken, expiration } = found;
    return { accessKeyId, secretAccessKey, sessionToken, expiresAtMs: expiration?.getTime() };
  };
}

function queryService(client: QueryClient, clock: Clock): QueryService {
  return {
    call: (action, parameters = {}) =>
      withRepeats(clock, async () => {
        const { status, xml, errorCode } = await client.call({ action, parameters });
        if (status < 300 && errorCode === null) return xml;
        throw new ServiceRefusal(errorCode ?? `HTTP ${status}`, elementText(xml, 'Message') ?? action, status);
      }),
  };
}

function jsonService(client: JsonClient, clock: Clock): JsonService {
  return {
    call: (action, input) =>
      withRepeats(clock, async () => {
        const { status, content, errorCode } = await client.call(action, input);
        if (status < 300 && errorCode === null && content !== null) return content;
        const { message, Message } = (content ?? {}) as { message?: unknown; Message?: unknown };
        const text = [message, Message, action].find((each) => typeof each === 'string') as string;
        throw new ServiceRefusal(errorCode ?? `HTTP ${status}`, text, status);
      }),
  };
}

/** Repeats what a service was only too busy for. */
export function withRepeats<T>(clock: Clock, work: () => Promise<T>): Promise<T> {
  return retry(work, { policy: { attempts: 4, baseMs: 250, maxMs: 2000 }, clock, retryable: mayPass });
}

function mayPass(error: unknown): boolean {
  if (!(error instanceof ServiceRefusal)) return false;
  return error.status >= 500 || /^Throttling|^RequestLimitExceeded$|^TooManyRequests|^SlowDown$/.test(error.name);
}
