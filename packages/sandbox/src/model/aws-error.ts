/**
 * HTTP status of the error codes that are not plain client errors (400).
 * Source: "Error codes for the Amazon EC2 API", server errors; `DryRunOperation` is answered with 412.
 */
const statusOfCode: Readonly<Record<string, number>> = {
  DryRunOperation: 412,
  UnauthorizedOperation: 403,
  AuthFailure: 401,
  InsufficientAddressCapacity: 500,
  InsufficientCapacity: 500,
  InsufficientHostCapacity: 500,
  InsufficientInstanceCapacity: 500,
  InsufficientReservedInstanceCapacity: 500,
  InsufficientVolumeCapacity: 500,
  InternalError: 500,
  InternalFailure: 500,
  InternalServerError: 500,
  RequestLimitExceeded: 503,
  ServiceUnavailable: 503,
  Unavailable: 503,
};

/** An error of an AWS API, before it is put into a protocol's envelope. `code` is AWS's own word. */
export class AwsError extends Error {
  readonly code: string;
  readonly status: number;

  constructor(code: string, message: string) {
    super(message);
    this.name = 'AwsError';
    this.code = code;
    this.status = statusOfCode[code] ?? 400;
  }
}

/** The AWS error that was thrown, or an InternalError for anything else. */
export function asAwsError(error: unknown): AwsError {
  if (error instanceof AwsError) return error;
  return new AwsError('InternalError', error instanceof Error ? error.message : String(error));
}
