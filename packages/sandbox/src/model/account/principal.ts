/** Who signed a request. `role` sessions belong to instances and expire. */
export interface Principal {
  readonly accessKeyId: string;
  readonly kind: 'user' | 'role';
  /** `arn:aws:iam::…:user/…` or `arn:aws:sts::…:assumed-role/…/i-…`. */
  readonly arn: string;
  /** Set for a role session. */
  readonly instanceId?: string;
}

/** What the region knows about one access key that it gave out. */
export interface Secret {
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  /** Epoch ms after which the service answers ExpiredToken. */
  readonly expiresAtMs?: number;
  /** How far the clock of its holder is ahead of the region's; see clock-offset.ts. */
  readonly clockOffsetMs?: number;
  readonly principal: Principal;
}

/** Looks up the keys that the region gave out. */
export interface CredentialStore {
  find(accessKeyId: string): Secret | undefined;
}
