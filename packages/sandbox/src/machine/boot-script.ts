import { gunzipSync } from 'node:zlib';

/** The user data as first boot understands it. */
export type BootScript =
  | { readonly kind: 'none' }
  | { readonly kind: 'script'; readonly text: Buffer }
  /** A form that real cloud-init understands and the sandbox does not; `reason` goes to the console. */
  | { readonly kind: 'unsupported'; readonly reason: string };

/**
 * Reads user data as cloud-init does: gzip is unpacked, `#!` is a script. `#cloud-config` and MIME are not understood.
 */
export function bootScriptOf(userData: Buffer | null): BootScript {
  if (userData === null || userData.length === 0) return { kind: 'none' };
  const text = unpacked(userData);
  if (text.subarray(0, 2).toString() === '#!') return { kind: 'script', text };
  const firstLine = text.toString('utf8', 0, 80).split('\n')[0] ?? '';
  return {
    kind: 'unsupported',
    reason: `user data that begins with ${JSON.stringify(firstLine)} is not run: the sandbox understands scripts (#!) only`,
  };
}

function unpacked(userData: Buffer): Buffer {
  if (userData[0] !== 0x1f || userData[1] !== 0x8b) return userData;
  try {
    return gunzipSync(userData);
  } catch {
    return userData;
  }
}
