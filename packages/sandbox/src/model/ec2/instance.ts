import { AwsError } from '../aws-error.ts';
import type { Machine } from '../../machine/machine.ts';
import type { LaunchSpec } from './launch-spec.ts';
import type { Tags } from './tags.ts';

/**
 * pending ──► running ──► shutting-down ──► terminated
 *    │           │ ▲
 *    │           ▼ │ (start)
 *    │        stopping ──► stopped ──► terminated
 *    └──────────────────────────────► terminated   (the machine could not be started)
 */
export type InstanceState = 'pending' | 'running' | 'shutting-down' | 'terminated' | 'stopping' | 'stopped';

export const stateCodes: Readonly<Record<InstanceState, number>> = {
  pending: 0,
  running: 16,
  'shutting-down': 32,
  terminated: 48,
  stopping: 64,
  stopped: 80,
};

export interface StateReason {
  readonly code: string;
  readonly message: string;
}

function reason(code: string, message: string): StateReason {
  return { code, message: `${code}: ${message}` };
}

/** Codes of DescribeInstances' StateReason (d.ts StateReason). */
export const stateReasons = {
  spot: reason('Server.SpotInstanceTermination', 'Spot instance termination'),
  user: reason('Client.UserInitiatedShutdown', 'User initiated shutdown'),
  own: reason('Client.InstanceInitiatedShutdown', 'Instance initiated shutdown'),
  capacity: reason('Server.InsufficientInstanceCapacity', 'Insufficient capacity to launch'),
  internal: reason('Server.InternalError', 'Internal error on launch'),
  key: reason('Client.InternalError', 'Client error on launch'),
  volumes: reason('Client.VolumeLimitExceeded', 'Volume limit exceeded'),
  host: reason('Server.InternalError', 'The host of the instance failed'),
} as const;

/** The two-minute notice, as the instance's metadata shows it. */
interface Notice {
  readonly noticedAtMs: number;
  readonly deadlineMs: number;
  /** EC2 did not take the instance at the deadline after all. */
  readonly survived: boolean;
}

/** A root volume. It lives as long as its instance, or longer when it is not to be deleted with it. */
interface Volume {
  readonly id: string;
  readonly createdAtMs: number;
  readonly tags: Tags;
}

/** An entry of `events/maintenance/scheduled`, as the metadata shows it. */
interface ScheduledEvent {
  readonly Code: string;
  readonly Description: string;
  readonly EventId: string;
  /** `21 Jan 2019 09:00:43 GMT`. */
  readonly NotBefore: string;
  readonly NotAfter: string;
  readonly State: string;
}

export interface Instance {
  readonly id: string;
  readonly reservationId: string;
  readonly launchIndex: number;
  readonly clientToken: string;
  readonly spec: LaunchSpec;
  readonly createdAtMs: number;
  readonly hostName: string;
  readonly folder: string;
  readonly macAddress: string;
  readonly networkInterfaceId: string;
  readonly fleetId: string | null;
  readonly tags: Tags;
  /** Lead of its clock over the region's, from its launch on. */
  readonly clockOffsetMs: number;
  readonly volume: Volume;
  spotRequestId: string | null;
  launchedAtMs: number;
  privateAddress: string;
  state: InstanceState;
  stateReason: StateReason | null;
  /** EC2's `reason`: empty while it runs. */
  transitionReason: string;
  runningAtMs: number | null;
  endedAtMs: number | null;
  machine: Machine | null;
  notice: Notice | null;
  rebalanceAtMs: number | null;
  maintenance: readonly ScheduledEvent[];
  /** Output of its latest machine, also after that machine is gone. */
  consoleOutput: () => Promise<Buffer>;
  /** False once its fleet stopped counting on it: at the notice, and ever after. */
  countsForFleet: boolean;
}

/** Takes room in its pool. */
export function occupiesPool(instance: Instance): boolean {
  return instance.state !== 'terminated' && instance.state !== 'stopped';
}

/** Why an instance never came to run, by the error of its boot (UG troubleshooting-launch). */
export function launchFailure(error: unknown): StateReason {
  const code = error instanceof AwsError ? error.code : null;
  if (code === 'InsufficientInstanceCapacity') return stateReasons.capacity;
  return [stateReasons.key, stateReasons.volumes].find((each) => each.code === code) ?? stateReasons.internal;
}

export function isAlive(instance: Instance): boolean {
  return instance.state === 'pending' || instance.state === 'running';
}

/** Time of the notice, or of the loss without one; null while EC2 has not taken the instance back. */
export function interruptedAtMs(instance: Instance): number | null {
  if (instance.notice !== null) return instance.notice.noticedAtMs;
  return instance.stateReason === stateReasons.spot ? instance.endedAtMs : null;
}
