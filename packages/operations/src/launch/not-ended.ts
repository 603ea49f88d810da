import { command, type Hint, isRunctlError, joinedHints, messageOf, RunctlError } from '@runctl/core';

interface NotEnded {
  readonly run: string;
  /** Why the launch was to be ended. */
  readonly cause: unknown;
  /** Why it could not be. */
  readonly problem: unknown;
  /** What that may cost, for people; null where nothing is known of it. */
  readonly cost?: string | null;
}

/** The error of a launch that failed and of which something may be left: both reasons, and how to end it. */
export function notEnded({ run, cause, problem, cost = null }: NotEnded): RunctlError {
  const failure = isRunctlError(cause) ? cause : new RunctlError('cloud-error', messageOf(cause), { cause });
  const remains: Hint = [
    'look at what is left with ',
    command('status', run),
    ' and end it with ',
    command('stop', run),
  ];
  const price = cost === null ? '' : `; ${cost}`;
  return new RunctlError(failure.code, `${failure.message}; cleaning up failed too (${messageOf(problem)})${price}`, {
    hint: joinedHints(remains, failure.hintParts),
    cause,
    details: { ...failure.details, run, cleanedUp: false },
  });
}
