import { RunctlError, messageOf } from '@runctl/core';
import { z } from 'zod';

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

/** One JSON line. */
export function encodeDocument<S extends z.ZodType>(schema: S, document: z.input<S>): Uint8Array {
  return encoder.encode(`${JSON.stringify(schema.parse(document))}\n`);
}

/**
 * The document in `bytes`. Errors: `newer-format` when a newer runctl wrote it, `internal` when it is not what its key
 * promises (edited by hand, or torn by something that is no object store).
 */
export function decodeDocument<S extends z.ZodType>(schema: S, bytes: Uint8Array, key: string): z.output<S> {
  let value: unknown;
  try {
    value = JSON.parse(decoder.decode(bytes));
  } catch (error) {
    throw new RunctlError('internal', `${key} is not a JSON document: ${messageOf(error)}`, { cause: error });
  }
  const version = (value as { version?: unknown } | null)?.version;
  if (typeof version === 'number' && version > FORMAT_VERSION)
    throw new RunctlError('newer-format', `${key} has format ${version}; this runctl reads up to ${FORMAT_VERSION}`, {
      hint: 'use the runctl that launched the run, or a newer one',
    });
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new RunctlError('internal', `${key} does not have the expected form: ${z.prettifyError(parsed.error)}`);
}
