import { type AwsCredentials, elementText, QueryClient } from '@runctl/aws-wire';
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
  readonly credentials: () => Promise<AwsCredentials>;
  readonly clock: Pick<Clock, 'wallMs'>;
  readonly timeoutMs?: number;
}

const HINT = "the instance's role needs ec2:DeleteFleets, and the fleet has to be in its region";
/** The names by which EC2 says that the role may not. */
const FORBIDDEN: ReadonlySet<string | null> = new Set(['UnauthorizedOperation', 'AccessDenied']);

/** DeleteFleets as a signed query call, also from a machine whose date is wrong. Rejects with `cloud-error` or `cloud-unreachable`. */
export function createFleetEnder(options: FleetEnderOptions): FleetEnder {
  const ec2 = new QueryClient({ ...options, service: 'ec2', version: '2016-11-15' });
  const ask = (fleetId: string, more: Record<string, string> = {}) =>
    ec2.call({ action: 'DeleteFleets', parameters: { 'FleetId.1': fleetId, TerminateInstances: 'false', ...more } });

  return {
    async mayDelete(fleetId) {
      const { status, errorCode } = await ask(fleetId, { DryRun: 'true' });
      if (errorCode === 'DryRunOperation') return true;
      if (FORBIDDEN.has(errorCode)) return false;
      const reason = errorCode ?? `HTTP ${status}`;
      throw new RunctlError('cloud-error', `asking whether fleet ${fleetId} may be deleted failed: ${reason}`, {
        hint: HINT,
      });
    },

    async delete(fleetId) {
      const { status, xml, errorCode } = await ask(fleetId);
      const failure = deletionFailure(xml, fleetId);
      if (status === 200 && failure === null) return;
      const code = failure ?? errorCode ?? `HTTP ${status}`;
      if (GONE.has(code)) return;
      throw new RunctlError('cloud-error', `fleet ${fleetId} was not deleted: ${code}`, { hint: HINT });
    },
  };
}

/** A fleet that EC2 no longer knows, or that is already being deleted, is as deleted as it will be. */
const GONE = new Set(['fleetIdDoesNotExist', 'fleetNotInDeletableState', 'InvalidFleetId.NotFound']);

/** Why a DeleteFleets answer of status 200 did not delete the fleet, or null when it did. EC2 hides failures in a success. */
export function deletionFailure(xml: string, fleetId: string): string | null {
  const failed = elementText(xml, 'unsuccessfulFleetDeletionSet');
  if (failed?.includes('<code>') === true) return elementText(failed, 'code') ?? 'unexpectedError';
  const done = elementText(xml, 'successfulFleetDeletionSet');
  return done?.includes(fleetId) === true ? null : (elementText(xml, 'Code') ?? 'no answer for the fleet');
}
