export type SignatureFault =
  | 'missing'
  | 'malformed'
  | 'unsupported'
  | 'wrong-scope'
  | 'unknown-key'
  | 'mismatch'
  | 'headers-not-signed'
  | 'token-invalid'
  | 'token-expired'
  | 'skewed'
  | 'presign-expired'
  | 'presign-not-yet'
  | 'payload-hash-missing'
  | 'payload-mismatch';

/** The refusal of a signature. Each service says it in its own dialect: S3 as XML codes, EC2 as AuthFailure, and so on. */
export class SignatureError extends Error {
  readonly fault: SignatureFault;
  /** AWS's elements beside the message, such as StringToSign; safe to show, for they hold no secret. */
  readonly details: Readonly<Record<string, string>>;

  constructor(fault: SignatureFault, message: string, details: Record<string, string> = {}) {
    super(message);
    this.name = 'SignatureError';
    this.fault = fault;
    this.details = details;
  }
}
