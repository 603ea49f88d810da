/** An error of an AWS API, before it is put into a protocol's envelope. `code` is AWS's own word. */
export class AwsError extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.name = 'AwsError';
    this.code = code;
  }
}

/** The AWS error that was thrown, or an InternalError for anything else. */
export function asAwsError(error: unknown): AwsError {
  if (error instanceof AwsError) return error;
  return new AwsError('InternalError', error instanceof Error ? error.message : String(error));
}
