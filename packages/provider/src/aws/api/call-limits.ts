import type { EC2Client } from '@aws-sdk/client-ec2';
import type { SSMClient } from '@aws-sdk/client-ssm';
import { RunctlError, messageOf } from '@runctl/core';
import { foreignAnswer, isNetworkFailure } from './classify.ts';

/** How long one call of a service may take. All in milliseconds. */
export interface CallLimits {
  readonly connectMs: number;
  /** From the request to the answer's last byte, of one try. */
  readonly answerMs: number;
  /** Over all tries: no further one begins afterwards. */
  readonly wholeMs: number;
  /** Longest search for keys: a program of a profile may ask a person, who needs a minute for it. */
  readonly searchMs: number;
}

export const defaultCallLimits: CallLimits = {
  connectMs: 5000,
  answerMs: 30_000,
  wholeMs: 75_000,
  searchMs: 120_000,
};

/** A call that is made again because the try before it failed. */
export interface RepeatedCall {
  /** For people: `EC2`. */
  readonly service: string;
  /** Number of the try that begins, from 2. */
  readonly attempt: number;
  /** Why the try before failed. */
  readonly error: unknown;
}

export type OnRepeatedCall = (repeated: RepeatedCall) => void;

export interface LimitedCalls {
  readonly limits?: CallLimits | undefined;
  readonly onRepeat?: OnRepeatedCall | undefined;
}

/** What the SDK's own connections are limited by: it closes those that time out. */
export function connectionLimits({ connectMs, answerMs }: CallLimits = defaultCallLimits) {
  return { connectionTimeout: connectMs, socketTimeout: answerMs };
}

/**
 * Limits each try of each call of a client, the reading of the answer included, and all tries together: after a try that
 * failed for the network, no other begins once `wholeMs` is over, and the call rejects with `cloud-unreachable`.
 */
export function limitCalls(client: EC2Client | SSMClient, service: string, options: LimitedCalls): void {
  const { limits = defaultCallLimits, onRepeat } = options;
  // The stacks of both clients have the same shape, and different types of input.
  const { middlewareStack } = client as EC2Client;
  middlewareStack.add(
    (next) => {
      // Made anew for each call, and called for each of its tries.
      const beganMs = performance.now();
      let attempt = 0;
      let failure: unknown = null;
      return async (args) => {
        attempt += 1;
        if (attempt > 1) onRepeat?.({ service, attempt, error: failure });
        try {
          return await within(next(args), limits.answerMs);
        } catch (error) {
          const foreign = foreignAnswer(error);
          failure = foreign === null ? error : new Error(foreign);
          if (isNetworkFailure(error) && performance.now() - beganMs >= limits.wholeMs) throw gaveUp(service, error);
          throw error;
        }
      };
    },
    // Innermost, so that the SDK's own repeats are outside and the reading of the answer inside.
    { step: 'finalizeRequest', priority: 'low', name: 'runctlCallLimits' },
  );
}

function gaveUp(service: string, error: unknown): RunctlError {
  return new RunctlError('cloud-unreachable', `${service} does not answer: ${messageOf(error)}`, {
    hint: 'check the network, the region, and AWS_ENDPOINT_URL if it is set',
    cause: error,
  });
}

/** As the promise, or rejects with a `TimeoutError`, which the SDK takes for one that may pass. */
export function within<T>(promise: Promise<T>, limitMs: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(Object.assign(new Error(`no answer within ${limitMs / 1000} s`), { name: 'TimeoutError' })),
      limitMs,
    );
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
