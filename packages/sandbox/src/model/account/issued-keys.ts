import { randomBytes } from 'node:crypto';
import type { CredentialStore, Secret } from './principal.ts';
import type { Instance } from '../ec2/instance.ts';

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

function keyId(prefix: 'AKIA' | 'ASIA'): string {
  return prefix + Array.from(randomBytes(16), (byte) => alphabet.charAt(byte % 32)).join('');
}

export interface UserKey {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** The keys that the metadata service hands to an instance. */
export interface RoleSession {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
  readonly issuedAtMs: number;
  readonly expiresAtMs: number;
}

export interface IssuedKeysOptions {
  readonly accountId: string;
  readonly nowMs: () => number;
  readonly lifetimeMs: () => number;
  /** The account's own key; random when left out. */
  readonly userKey?: UserKey;
}

/** EC2 gives an instance new keys at least this long before the old ones expire (user guide, iam-roles-for-amazon-ec2). */
const renewBeforeMs = 5 * 60_000;

/** The keys that the region gave out: one user, and sessions of the instance role. */
export class IssuedKeys implements CredentialStore {
  readonly userKey: UserKey;
  readonly userArn: string;
  readonly #options: IssuedKeysOptions;
  readonly #secrets = new Map<string, Secret>();
  readonly #sessions = new Map<string, RoleSession>();

  constructor(options: IssuedKeysOptions) {
    this.#options = options;
    this.userKey = options.userKey ?? {
      accessKeyId: keyId('AKIA'),
      secretAccessKey: randomBytes(30).toString('base64'),
    };
    this.userArn = `arn:aws:iam::${options.accountId}:user/sandbox`;
    const { accessKeyId, secretAccessKey } = this.userKey;
    this.#secrets.set(accessKeyId, {
      secretAccessKey,
      principal: { accessKeyId, kind: 'user', arn: this.userArn },
    });
  }

  find(accessKeyId: string): Secret | undefined {
    return this.#secrets.get(accessKeyId);
  }

  /** The session that an instance with a role has now: the same one until it is about to expire. */
  sessionOf(instance: Instance, role: string): RoleSession {
    const nowMs = this.#options.nowMs();
    const current = this.#sessions.get(instance.id);
    if (current !== undefined) {
      const lifetimeMs = current.expiresAtMs - current.issuedAtMs;
      if (current.expiresAtMs - nowMs > Math.min(renewBeforeMs, lifetimeMs / 2)) return current;
    }
    return this.#issue(instance, role, nowMs);
  }

  #issue({ id: instanceId, clockOffsetMs }: Instance, role: string, nowMs: number): RoleSession {
    this.#forgetExpired(nowMs);
    const session: RoleSession = {
      accessKeyId: keyId('ASIA'),
      secretAccessKey: randomBytes(30).toString('base64'),
      sessionToken: randomBytes(96).toString('base64'),
      issuedAtMs: nowMs,
      expiresAtMs: nowMs + this.#options.lifetimeMs(),
    };
    this.#sessions.set(instanceId, session);
    this.#secrets.set(session.accessKeyId, {
      secretAccessKey: session.secretAccessKey,
      sessionToken: session.sessionToken,
      expiresAtMs: session.expiresAtMs,
      clockOffsetMs,
      principal: {
        accessKeyId: session.accessKeyId,
        kind: 'role',
        arn: `arn:aws:sts::${this.#options.accountId}:assumed-role/${role}/${instanceId}`,
        instanceId,
      },
    });
    return session;
  }

  /** Keeps expired keys for an hour, so that their use is answered ExpiredToken and not "unknown key". */
  #forgetExpired(nowMs: number): void {
    for (const [id, secret] of this.#secrets)
      if (secret.expiresAtMs !== undefined && secret.expiresAtMs + 3_600_000 < nowMs) this.#secrets.delete(id);
  }
}
