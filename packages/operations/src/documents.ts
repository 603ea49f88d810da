import { RunctlError, isRunctlError } from '@runctl/core';
import { decodeDocument, encodeDocument } from '@runctl/protocol';
import { collect, isStoreError, readBytes, type ObjectStore, type StoreError } from '@runctl/store';
import type { z } from 'zod';

export interface ReadDocument<T> {
  readonly document: T;
  readonly etag: string;
  readonly lastModifiedMs: number;
  /** Age by the store's own clock. */
  readonly ageMs: number;
}

/** The document under `key`, or null when there is none. Errors: those of the codec, and StoreError. */
export async function readDocument<S extends z.ZodType>(
  store: ObjectStore,
  schema: S,
  key: string,
): Promise<ReadDocument<z.output<S>> | null> {
  try {
    const { info, body, serverTimeMs } = await store.get(key);
    const document = decodeDocument(schema, await collect(body), key);
    const ageMs = Math.max(0, serverTimeMs - info.lastModifiedMs);
    return { document, etag: info.etag, lastModifiedMs: info.lastModifiedMs, ageMs };
  } catch (error) {
    if (isStoreError(error, 'missing')) return null;
    throw error;
  }
}

/** For `.catch`: null in place of a document of an older format. */
export function noneIfOlder(error: unknown): null {
  if (isRunctlError(error, 'older-format')) return null;
  throw error;
}

/** Writes a document that must not exist yet; false when another was there first. Its own success behind a lost answer counts as success. */
export async function createDocument<S extends z.ZodType>(
  store: ObjectStore,
  { key, schema }: { readonly key: string; readonly schema: S },
  document: z.input<S>,
): Promise<boolean> {
  const bytes = encodeDocument(schema, document);
  for (let tries = 1; ; tries++) {
    try {
      await store.put(key, bytes, { when: { absent: true } });
      return true;
    } catch (error) {
      if (isStoreError(error, 'precondition')) return Buffer.from(bytes).equals(await readBytes(store, key));
      if (!isStoreError(error, 'conflict') || tries >= 5) throw error;
    }
  }
}

const LOG_IN = 'log in (`aws sso login`, `aws configure`) or try without an account: --sandbox';
/** A region in which the account is not enabled knows none of its keys (AWS Account Management, "Enable or disable Regions"). */
const UNKNOWN_KEY: ReadonlySet<string> = new Set(['InvalidAccessKeyId', 'InvalidToken', 'InvalidClientTokenId']);
const NOT_ENABLED =
  'a region that the account has not enabled answers so too: `aws account get-region-opt-status --region-name REGION` tells';

/** Words a store's refusal for a person: who may do what is a matter of the account, not of runctl. */
export function storeProblem(error: unknown): unknown {
  if (!isStoreError(error)) return error;
  const code = error.code === null ? '' : ` (${error.code})`;
  if (error.kind === 'bucket-missing')
    return new RunctlError('bucket-not-found', `there is no such bucket: ${error.message}`, {
      hint: 'check `bucket` and `region` in .runctl.toml; buckets belong to one region',
      cause: error,
    });
  if (error.kind === 'denied')
    return new RunctlError('access-denied', `the bucket refused access${code}: ${error.message}`, {
      hint: 'these credentials lack rights on the bucket: s3:GetObject, s3:PutObject, s3:DeleteObject, s3:ListBucket',
      cause: error,
    });
  if (error.kind === 'credentials')
    return new RunctlError(
      /expired/i.test(`${error.code} ${error.message}`) ? 'credentials-expired' : 'no-credentials',
      error.status === null && /load credentials/i.test(error.message)
        ? `no AWS credentials were found: ${error.message}`
        : `the credentials were not accepted${code}: ${error.message}`,
      { hint: `${LOG_IN}${UNKNOWN_KEY.has(error.code ?? '') ? `; ${NOT_ENABLED}` : ''}`, cause: error },
    );
  if (error.kind === 'transient')
    return new RunctlError('cloud-unreachable', `the bucket can't be reached: ${error.message}`, {
      hint: 'check the network, the region, and AWS_ENDPOINT_URL if it is set',
      cause: error,
    });
  return refusedRequest(error, code);
}

/** What S3 will never take as it was asked. */
function refusedRequest(error: StoreError, code: string): RunctlError {
  const elsewhere = ['AuthorizationHeaderMalformed', 'PermanentRedirect', 'IllegalLocationConstraintException'];
  if (elsewhere.includes(error.code ?? '') || error.status === 301)
    return new RunctlError('config-invalid', `the region is wrong: ${error.message}`, {
      hint: 'set `region` in .runctl.toml or --region to where the bucket is',
      cause: error,
    });
  if (error.code === 'InvalidBucketName')
    return new RunctlError('config-invalid', `this can't be the name of a bucket: ${error.message}`, {
      hint: 'check `bucket` in .runctl.toml and --bucket',
      cause: error,
    });
  return new RunctlError('cloud-error', `the bucket refused the request${code}: ${error.message}`, {
    hint: 'run the command again with --verbose, which shows what was asked',
    cause: error,
  });
}
