import { randomBytes } from 'node:crypto';

const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567';

/** `bytes` of randomness as lower-case base32 characters (RFC 4648 alphabet), one character per byte. */
function base32(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => BASE32.charAt(byte % 32)).join('');
}

/** `r-` and 10 base32 characters: constant over all recoveries of a run. */
export function newRunId(random: (size: number) => Uint8Array = randomBytes): string {
  return `r-${base32(random(10))}`;
}

/** 16 base32 characters, for owners, client tokens and nonces in documents. */
export function newNonce(random: (size: number) => Uint8Array = randomBytes): string {
  return base32(random(16));
}

export const runIdPattern = /^r-[a-z2-7]{10}$/;
