import { isRunctlError } from '@runctl/core';

/** After these nobody knows whether the provider did what it was asked. */
const UNCERTAIN: ReadonlySet<string> = new Set(['cloud-unreachable', 'cloud-error']);

export function isUncertain(error: unknown): boolean {
  return !isRunctlError(error) || UNCERTAIN.has(error.code);
}
