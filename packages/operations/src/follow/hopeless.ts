import type { ProviderEvent } from '@runctl/provider';
import { RunctlError, type ErrorCode } from '@runctl/core';

/** Errors that no waiting mends: what was asked for does not exist or is not allowed. */
const PERMANENT: ReadonlySet<ErrorCode> = new Set(['config-invalid', 'access-denied', 'user-data-too-large']);

/** The error that a provider's event amounts to when its launch will never have a machine; null when it may yet. */
export function permanentError(event: ProviderEvent): RunctlError | null {
  const { errorCode, hint, code, message } = event;
  if (errorCode === null || !PERMANENT.has(errorCode)) return null;
  return new RunctlError(errorCode, `no machine can be made: ${message} (${code})`, {
    ...(hint === null ? {} : { hint }),
    details: { hopeless: true },
  });
}

/** Whether an error says that a launch will never have a machine. */
export function isHopeless(error: unknown): error is RunctlError {
  return error instanceof RunctlError && error.details['hopeless'] === true;
}
