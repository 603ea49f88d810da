import { Sha256 } from './sha256.ts';
import { SignatureV4 } from '@smithy/signature-v4';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { type Clock, RunctlError } from '@runctl/core';

/** The one EC2 right that an instance has: ending its own fleet. Signed requests without the SDK, since it lives in the agent. */
export interface FleetEnder {
  /** By a dry run; false when the role may not. Rejects when the answer could not be had. */
  mayDelete(fleetId: string): Promise<boolean>;
  /** Deletes the fleet without terminating its instances and checks the answer. A fleet that is already gone is done. */
  delete(fleetId: string): Promise<void>;
}

export interface FleetEnderOptions {
  readonly region: string;
  /** `https://ec2.us-east-1.amazonaws.com`, or where AWS_ENDPOINT_URL points. */
  readonly endpoint: string;
  readonly credentials: () => Promise<{
    accessKeyId: string;
    secretAccessKey: string;
    sessionToken?: string | undefined;
  }>;
  readonly clock: Pick<Clock, 'wallMs'>;
  readonly timeoutMs?: number;
}

interface Answer {
  readonly status: number;
  readonly text: string;
  /** EC2's clock. */
  readonly dateMs: number | null;
}

/** EC2 refuses a signature that is more than 15 minutes off (EC2 API error codes, RequestExpired); in what words varies. */
const SKEW_LIMIT_MS = 5 * 60_000;
const API_VERSION = '2016-11-15';

/** DeleteFleets as a signed query request, also from a machine whose date is wrong: the AWS SDK would cost the resident agent 30 MB for one call a life. */
export function createFleetEnder(options: FleetEnderOptions): FleetEnder {
  const endpoint = new URL(options.endpoint);
  const signer = new SignatureV4({
    service: 'ec2',
    region: options.region,
    credentials: async () => {
      const { accessKeyId, secretAccessKey, sessionToken } = await options.credentials();
      return { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) };
    },
    sha256: Sha256,
  });

  let offsetMs = 0;

  const ask = async (parameters: Record<string, string>): Promise<Answer> => {
    const body = new URLSearchParams({ ...parameters, Version: API_VERSION }).toString();
    const request = {
      method: 'POST',
      protocol: endpoint.protocol,
      hostname: endpoint.hostname,
      ...(endpoint.port === '' ? {} : { port: Number(endpoint.port) }),
      path: '/',
      query: {},
      headers: { host: endpoint.host, 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' },
      body,
    };
    const signed = await signer.sign(request, { signingDate: new Date(options.clock.wallMs() + offsetMs) });
    return post(endpoint, signed.headers, body, options.timeoutMs ?? 10_000);
  };

  const call = async (parameters: Record<string, string>): Promise<Answer> => {
    const answer = await ask(parameters);
    const refused = answer.status >= 400 && answer.status < 500 && answer.dateMs !== null;
    const aheadMs = answer.dateMs === null ? 0 : answer.dateMs - options.clock.wallMs();
    if (!refused || Math.abs(aheadMs - offsetMs) <= SKEW_LIMIT_MS) return answer;
    offsetMs = aheadMs;
    return ask(parameters);
  };

  return {
    async mayDelete(fleetId) {
      const { status, text } = await call({
        Action: 'DeleteFleets',
        'FleetId.1': fleetId,
        TerminateInstances: 'false',
        DryRun: 'true',
      });
      const code = errorCode(text);
      if (code === 'DryRunOperation') return true;
      if (code === 'UnauthorizedOperation' || code === 'AccessDenied') return false;
      throw new RunctlError(
        'cloud-error',
        `asking whether fleet ${fleetId} may be deleted failed: ${code ?? `HTTP ${status}`}`,
      );
    },

    async delete(fleetId) {
      const { status, text } = await call({
        Action: 'DeleteFleets',
        'FleetId.1': fleetId,
        TerminateInstances: 'false',
      });
      const failure = deletionFailure(text, fleetId);
      if (status === 200 && failure === null) return;
      const code = failure ?? errorCode(text) ?? `HTTP ${status}`;
      if (GONE.has(code)) return;
      throw new RunctlError('cloud-error', `fleet ${fleetId} was not deleted: ${code}`);
    },
  };
}

/** A fleet that EC2 no longer knows, or that is already being deleted, is as deleted as it will be. */
const GONE = new Set(['fleetIdDoesNotExist', 'fleetNotInDeletableState', 'InvalidFleetId.NotFound']);

/** Why a DeleteFleets answer of status 200 did not delete the fleet, or null when it did. EC2 hides failures in a success. */
export function deletionFailure(xml: string, fleetId: string): string | null {
  const failed = between(xml, '<unsuccessfulFleetDeletionSet>', '</unsuccessfulFleetDeletionSet>');
  if (failed?.includes('<code>') === true) return between(failed, '<code>', '</code>') ?? 'unexpectedError';
  const done = between(xml, '<successfulFleetDeletionSet>', '</successfulFleetDeletionSet>');
  return done?.includes(fleetId) === true ? null : (errorCode(xml) ?? 'no answer for the fleet');
}

function errorCode(xml: string): string | null {
  return between(xml, '<Code>', '</Code>');
}

function between(text: string, start: string, end: string): string | null {
  const from = text.indexOf(start);
  const to = from < 0 ? -1 : text.indexOf(end, from + start.length);
  return to < 0 ? null : text.slice(from + start.length, to);
}

function post(url: URL, headers: Record<string, string>, body: string, timeoutMs: number): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
    const request = send(url, { method: 'POST', headers, timeout: timeoutMs }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const dateMs = Date.parse(response.headers.date ?? '');
        const text = Buffer.concat(chunks).toString();
        resolve({ status: response.statusCode ?? 0, text, dateMs: Number.isNaN(dateMs) ? null : dateMs });
      });
    });
    request.on('timeout', () => request.destroy(new Error(`no answer from ${url.host} within ${timeoutMs} ms`)));
    request.on('error', (error) =>
      reject(new RunctlError('cloud-unreachable', `EC2 does not answer: ${error.message}`, { cause: error })),
    );
    request.end(body);
  });
}
