/** Keys of an AWS identity, from whatever source. */
export interface AwsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Temporary keys have one, and are refused without it. */
  readonly sessionToken?: string | undefined;
  /** By the issuer's clock; for people. A provider itself decides when it renews. */
  readonly expiresAtMs?: number | undefined;
}
