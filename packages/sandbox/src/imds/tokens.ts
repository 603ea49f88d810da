import { randomBytes } from 'node:crypto';

const maximumTtlSeconds = 21_600;
/** Tokens that are good at one time. Beyond it the oldest is forgotten: its owner gets a 401 and asks for another. Our choice. */
const maximumTokens = 10_000;

/** IMDSv2 session tokens of one instance: good on that instance only, until they expire. */
export class MetadataTokens {
  readonly #expiries = new Map<string, number>();
  readonly #nowMs: () => number;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** A new token; null when the TTL header is missing or outside 1–21600 seconds. */
  issue(ttlHeader: string | undefined): { readonly token: string; readonly ttlSeconds: number } | null {
    if (ttlHeader === undefined || !/^\d+$/.test(ttlHeader)) return null;
    const ttlSeconds = Number(ttlHeader);
    if (ttlSeconds < 1 || ttlSeconds > maximumTtlSeconds) return null;
    const token = randomBytes(40).toString('base64');
    this.#expiries.set(token, this.#nowMs() + ttlSeconds * 1000);
    const [oldest] = this.#expiries.keys();
    if (this.#expiries.size > maximumTokens && oldest !== undefined) this.#expiries.delete(oldest);
    return { token, ttlSeconds };
  }

  isValid(token: string): boolean {
    const expiresAtMs = this.#expiries.get(token);
    if (expiresAtMs === undefined) return false;
    if (expiresAtMs > this.#nowMs()) return true;
    this.#expiries.delete(token);
    return false;
  }

  expireAll(): void {
    this.#expiries.clear();
  }
}
