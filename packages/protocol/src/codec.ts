import { RunctlError, messageOf } from '@runctl/core';
import { createHash } from 'node:crypto';
import * as z from 'zod';

/** Version of every document that this build writes; a reader refuses newer ones rather than guess. */
export const FORMAT_VERSION = 1;

/** What every document starts with. */
export const versioned = z.object({ version: z.literal(FORMAT_VERSION) });

/** ISO 8601 UTC time, as the writer believed it to be. For people; order is never taken from it. */
export const timestamp = z.string().min(20);

export const generation = z.number().int().min(1);
export const launchNumber = z.number().int().min(1);
export const nodeIndex = z.number().int().min(0);
export const nonce = z.string().min(1);

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
  return createHash('sha256').update(json).digest('hex');
}

/** One JSON line; that of a sealed document with its digest as last field. */
export function encodeDocument<S extends z.ZodType>(schema: S, document: z.input<S>): Uint8Array {
  const json = JSON.stringify(schema.parse(document));
  return encoder.encode(isSealed(schema) ? `${json.slice(0, -1)},"digest":"${digestOf(json)}"}\n` : `${json}\n`);
}

/**
 * The document in `bytes`. Errors: `newer-format` when a newer runctl wrote it, `internal` when it is not what its key
 * promises (edited by hand, damaged, or torn by something that is no object store).
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
  // Before the version: a damaged digit of it must not look like a newer format.
  if (seal !== null && digestOf(`${seal[1]}}`) !== seal[2]) throw changed(key);
  const version = (value as { version?: unknown } | null)?.version;
  if (typeof version === 'number' && version > FORMAT_VERSION)
    throw new RunctlError('newer-format', `${key} has format ${version}; this runctl reads up to ${FORMAT_VERSION}`, {
      hint: 'use the runctl that launched the run, or a newer one',
    });
  if (seal === null && isSealed(schema)) throw changed(key);
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new RunctlError('internal', `${key} does not have the expected form: ${z.prettifyError(parsed.error)}`);
}

function changed(key: string): RunctlError {
  return new RunctlError('internal', `${key} was changed after it was written: its digest does not fit`);
}
