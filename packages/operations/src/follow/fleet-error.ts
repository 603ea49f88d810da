import { classifyAwsError, type FleetEvent } from '@runctl/provider';
import { RunctlError, type ErrorCode } from '@runctl/core';

/** Errors that no waiting mends: what was asked for does not exist or is not allowed. */
const PERMANENT: ReadonlySet<ErrorCode> = new Set(['config-invalid', 'access-denied', 'user-data-too-large']);

/** EC2 puts the words of a fleet's error into a JSON text beside the pool it is about; other texts are taken as they are. */
export function fleetErrorText(event: Pick<FleetEvent, 'message'>): string {
  try {
    const parsed = JSON.parse(event.message) as { errorMessage?: unknown };
    return typeof parsed.errorMessage === 'string' ? parsed.errorMessage : event.message;
  } catch {
    return event.message;
  }
}

/** The error that a fleet's event amounts to when it will never have a machine; null when it may yet. */
export function permanentError(event: FleetEvent): RunctlError | null {
  const { code, hint } = classifyAwsError({ name: event.code, message: fleetErrorText(event) }, 'launching');
  if (!PERMANENT.has(code)) return null;
  return new RunctlError(code, `EC2 can't launch a machine: ${fleetErrorText(event)} (${event.code})`, {
    hint: hint ?? 'check instance_profile, ami, subnets and security_groups in .runctl.toml',
    details: { hopeless: true },
  });
}

/** Whether an error says that a fleet will never have a machine. */
export function isPermanent(error: unknown): error is RunctlError {
  return error instanceof RunctlError && error.details['hopeless'] === true;
}
