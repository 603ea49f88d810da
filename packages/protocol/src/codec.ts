import { command, messageOf, RunctlError } from '@runctl/core';
import { createHash } from 'node:crypto';
import * as z from 'zod';

/** Version of every document that this build writes; a reader refuses every other one rather than guess. */
export const FORMAT_VERSION = 2;

/** Features of documents that this build understands. A document that needs another one is refused. */
const KNOWN_FEATURES: ReadonlySet<string> = new Set();

/** What every document starts with. */
export const versioned = z.object({
  version: z.literal(FORMAT_VERSION),
  /** Features that a reader must know to act on the document rightly; a reader that lacks one refuses it. */
  needs: z.array(z.string()).optional(),
});

/** ISO 8601 UTC time, as the writer believed it to be. For people; order is never taken from it. */
export const timestamp = z.string().min(20);

export const generation = z.number().int().min(1);
export const launchNumber = z.number().int().min(1);
export const nodeIndex = z.number().int().min(0);
export const nonce = z.string().min(1);

/** One of the known words, or any other that a newer writer knows. */
export type Open<Known extends string> = Known | (string & Record<never, never>);

/**
 * Words in a list that may grow: a reader shows one that it does not know as it is, and never fails on it. Who decides by one
 * of them keeps a closed type of its own.
 */
export function openEnum<const Known extends string>(values: readonly Known[]): z.ZodType<Open<Known>, Open<Known>> {
  return z
    .string()
    .min(1)
    .meta({ known: [...values] });
}

/** JSON that only its owner reads: kept and handed on as it is. */
export const opaque = z.record(z.string(), z.json());
export type Opaque = z.output<typeof opaque>;

export function timestampOf(wallMs: number): string {
  return new Date(wallMs).toISOString();
}

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });

/** Marks a document whose line ends with its own digest, so that any change to it after it was written shows. */
export function sealed<S extends z.ZodType>(schema: S): S {
  return schema.meta({ sealed: true });
}

/** What comes before the digest, and the digest: the SHA-256 of that text closed with `}`. */
const SEAL = /^(.*),"digest":"([0-9a-f]{64})"\}\n$/s;

function isSealed(schema: z.ZodType): boolean {
  return schema.meta()?.['sealed'] === true;
}

function digestOf(json: string): string {
  return sha256OfDocument(encoder.encode(json));
}

/** SHA-256 of a document's bytes, in hex: what binds it to who wrote it. */
export const documentSha256 = z.string().regex(/^[0-9a-f]{64}$/);

/** The SHA-256 of a document as it lies in the bucket. */
export function sha256OfDocument(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** One JSON line; that of a sealed document with its digest as last field. */
export function encodeDocument<S extends z.ZodType>(schema: S, document: z.input<S>): Uint8Array {
  const json = JSON.stringify(schema.parse(document));
  return encoder.encode(isSealed(schema) ? `${json.slice(0, -1)},"digest":"${digestOf(json)}"}\n` : `${json}\n`);
}

/**
 * The document in `bytes`. Errors: `newer-format` when a newer runctl wrote it or it needs a feature that this one lacks,
 * `older-format` when an older one wrote it, `internal` when it is not what its key promises (edited by hand, damaged, or
 * torn by something that is no object store).
 */
export function decodeDocument<S extends z.ZodType>(schema: S, bytes: Uint8Array, key: string): z.output<S> {
  let value: unknown;
  let seal: RegExpExecArray | null;
  try {
    const text = decoder.decode(bytes);
    seal = isSealed(schema) ? SEAL.exec(text) : null;
    value = JSON.parse(text);
  } catch (error) {
    throw new RunctlError('internal', `${key} is not a JSON document: ${messageOf(error)}`, { cause: error });
  }
  // Before the version: a damaged digit of it must not look like another format.
  if (seal !== null && digestOf(`${seal[1]}}`) !== seal[2]) throw changed(key);
  refuseOtherFormats(value, key);
  if (seal === null && isSealed(schema)) throw changed(key);
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new RunctlError('internal', `${key} does not have the expected form: ${z.prettifyError(parsed.error)}`);
}

function refuseOtherFormats(value: unknown, key: string): void {
  const { version, needs } = (value ?? {}) as { version?: unknown; needs?: unknown };
  if (typeof version === 'number' && version > FORMAT_VERSION)
    throw new RunctlError('newer-format', `${key} has format ${version}; this runctl reads format ${FORMAT_VERSION}`, {
      hint: 'use the runctl that launched the run, or a newer one',
    });
  if (typeof version === 'number' && version < FORMAT_VERSION)
    throw new RunctlError('older-format', `${key} has format ${version}; this runctl reads format ${FORMAT_VERSION}`, {
      hint: [
        'use the runctl that launched the run; ',
        command('stop', runNamedBy(key)),
        ' ends its machines all the same',
      ],
    });
  if (!Array.isArray(needs)) return;
  const lacking = needs.map(String).filter((feature) => !KNOWN_FEATURES.has(feature));
  if (lacking.length > 0)
    throw new RunctlError('newer-format', `${key} needs ${lacking.join(', ')}, which this runctl does not know`, {
      hint: 'use the runctl that launched the run, or a newer one',
    });
}

/** The run below whose folder the document lies; RUN for a document of none. */
function runNamedBy(key: string): string {
  return /(?:^|\/)runs\/([^/]+)\//.exec(key)?.[1] ?? 'RUN';
}

function changed(key: string): RunctlError {
  return new RunctlError('internal', `${key} was changed after it was written: its digest does not fit`);
}
