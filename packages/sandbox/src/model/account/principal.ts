/** The signer of a request. `role` sessions belong to instances and expire. */
export interface Principal {
  readonly accessKeyId: string;
  readonly kind: 'user' | 'role';
  /** `arn:aws:iam::…:user/…` or `arn:aws:sts::…:assumed-role/…/i-…`. */
  readonly arn: string;
  /** Set for a role session. */
  readonly instanceId?: string;
}

/** An access key that the region gave out, and its holder. */
export interface Secret {
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  /** Epoch ms after which the service answers ExpiredToken. */
  readonly expiresAtMs?: number;
  /** Lead of its holder's clock over the region's; see clock-offset.ts. */
  readonly clockOffsetMs?: number;
  readonly principal: Principal;
}

/** Looks up the keys that the region gave out. */
export interface CredentialStore {
  find(accessKeyId: string): Secret | undefined;
}
