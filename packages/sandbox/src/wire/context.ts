import type { IncomingMessage, ServerResponse } from 'node:http';

/** Who signed a request. `role` sessions belong to instances and expire. */
export interface Principal {
  readonly accessKeyId: string;
  readonly kind: 'user' | 'role';
  /** `arn:aws:iam::…:user/…` or `arn:aws:sts::…:assumed-role/…/i-…`. */
  readonly arn: string;
  /** Set for a role session. */
  readonly instanceId?: string;
}

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

/** One AWS service of the region. It is called after the signature was checked and answers every request itself. */
export interface Service {
  handle(request: IncomingMessage, response: ServerResponse, principal: Principal): Promise<void>;
}

/** A service whose requests are signed in ways of its own (S3: chunked bodies, presigned URLs) and that checks them itself. */
export interface SelfVerifyingService {
  handle(request: IncomingMessage, response: ServerResponse): Promise<void>;
}

/** The region's idea of time. `scale` shortens EC2's own delays (the two minutes of a notice become 120 s × scale). */
export interface RegionClock {
  nowMs(): number;
  readonly scale: number;
}
