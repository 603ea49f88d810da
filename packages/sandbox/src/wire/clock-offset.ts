import type { CredentialStore } from '../model/account/principal.ts';
import { credentialScopeOf, type SignedRequest } from './signature-fields.ts';

/**
 * How far the clock of whoever signed a request is ahead of the region's. Machines share the host's clock, so a wrong one
 * is shown the other way round: to an instance whose clock is an hour ahead everything it asks is an hour behind. Nobody
 * is proven by this; the signature is checked elsewhere.
 */
export function clockOffsetOf(request: SignedRequest, store: CredentialStore): number {
  const key = credentialScopeOf(request)?.accessKeyId;
  return (key === undefined ? undefined : store.find(key)?.clockOffsetMs) ?? 0;
}

const HEADERS = ['last-modified'];
const TAGS = /<(LastModified|Initiated|ServerTime)>([^<]+)</g;

interface Dated {
  readonly headers?: Readonly<Record<string, string | number | undefined>>;
}

/** The same answer with every date in it moved back, for somebody whose clock is that much ahead. */
export function asSeenFrom<R extends Dated & { readonly body?: unknown }>(reply: R, offsetMs: number): R {
  if (offsetMs === 0) return reply;
  const back = (text: string): number => Date.parse(text) - offsetMs;
  const headers = Object.fromEntries(
    Object.entries(reply.headers ?? {}).map(([name, value]) => [
      name,
      HEADERS.includes(name) && typeof value === 'string' ? new Date(back(value)).toUTCString() : value,
    ]),
  );
  if (typeof reply.body !== 'string') return { ...reply, headers };
  const body = reply.body.replaceAll(
    TAGS,
    (_, tag: string, date: string) => `<${tag}>${new Date(back(date)).toISOString()}<`,
  );
  return { ...reply, headers, body };
}
