import { hintText, type Hint } from './hint.ts';

/**
 * Stable error codes, each with its exit code. README's table of exit codes is held against this by a test.
 * A code is never given a new meaning: people search for it.
 */
export const errorCatalog = {
  internal: 1,
  usage: 2,
  'script-not-found': 2,
  'script-outside-project': 2,
  'empty-project': 2,
  'file-unreadable': 2,
  'user-data-too-large': 2,
  'instance-type-unknown': 2,
  'config-invalid': 3,
  'config-missing': 3,
  'newer-format': 3,
  'older-format': 3,
  'run-not-found': 10,
  'bucket-not-found': 10,
  'object-not-found': 10,
  'instance-not-found': 10,
  'checkpoint-not-found': 10,
  'checkpoint-damaged': 10,
  'transfer-incomplete': 21,
  'disk-full': 13,
  'name-taken': 11,
  'lease-held': 11,
  'run-active': 11,
  'not-resumable': 11,
  'not-as-launched': 11,
  'sandbox-running': 11,
  'no-credentials': 12,
  'credentials-expired': 12,
  'access-denied': 12,
  'no-capacity': 13,
  'quota-exceeded': 13,
  'pool-invalid': 13,
  'agent-unreachable': 14,
  'cloud-unreachable': 14,
  'cloud-error': 14,
  'sandbox-not-running': 14,
  'boot-failed': 20,
  'workload-failed': 20,
  interrupted: 21,
  declined: 22,
  'drill-unsafe': 23,
  'drill-inconclusive': 24,
  aborted: 130,
} as const;

export type ErrorCode = keyof typeof errorCatalog;

/** What every exit code means, in the order README shows it. */
export const exitCodes: Readonly<Record<number, string>> = {
  0: 'done',
  1: 'internal error',
  2: 'usage (a missing script too)',
  3: 'configuration',
  10: 'not found (run, bucket)',
  11: 'held by another, or name taken',
  12: 'credentials or permission',
  13: 'no capacity or quota',
  14: 'agent or cloud unreachable',
  20: 'the workload failed (its own code is in the message)',
  21: 'interrupted, resumable',
  22: 'declined',
  23: 'the drill says unsafe',
  24: 'the drill is inconclusive',
  130: 'Ctrl-C',
};

/** An error that a person can act on: a stable code, what happened with the value that was wrong, and a hint. */
export class RunctlError extends Error {
  readonly code: ErrorCode;
  /** The hint as text; `hintParts` has the commands in it as data. */
  readonly hint: string | undefined;
  readonly hintParts: Hint | undefined;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(
    code: ErrorCode,
    message: string,
    options: { hint?: Hint | undefined; cause?: unknown; details?: Record<string, unknown> } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'RunctlError';
    this.code = code;
    this.hint = options.hint === undefined ? undefined : hintText(options.hint);
    this.hintParts = options.hint;
    this.details = options.details ?? {};
  }

  get exitCode(): number {
    return errorCatalog[this.code];
  }
}

export function isRunctlError(error: unknown, code?: ErrorCode): error is RunctlError {
  return error instanceof RunctlError && (code === undefined || error.code === code);
}

/** The text of anything that was thrown, causes included, on one line. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const own = error.message || error.name;
  return error.cause === undefined ? own : `${own}: ${messageOf(error.cause)}`;
}
