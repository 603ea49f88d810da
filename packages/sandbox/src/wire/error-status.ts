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

/** The HTTP status that an error of the EC2 and STS APIs is answered with. */
export function statusOfError(code: string): number {
  return statusOfCode[code] ?? 400;
}
