import { RunctlError } from '@runctl/core';
import { isAbsolute, resolve } from 'node:path';

/** A place in a bucket. */
export interface BucketPlace {
  readonly kind: 'bucket';
  /** Null = the configured bucket, below the configured prefix. */
  readonly bucket: string | null;
  /** Key, or beginning of keys when it ends with `/` or is empty. */
  readonly key: string;
  /** As it was written. */
  readonly text: string;
}

export interface FolderPlace {
  readonly kind: 'folder';
  /** Absolute. */
  readonly path: string;
  readonly text: string;
}

export interface InstancePlace {
  readonly kind: 'instance';
  readonly machineId: string;
  /** Absolute, on the instance. */
  readonly path: string;
  readonly text: string;
}

export type TransferPlace = BucketPlace | FolderPlace | InstancePlace;

/** `s3://bucket/key`, or a key in the configured bucket. Errors: `usage`. */
export function bucketPlace(text: string): BucketPlace {
  const url = /^s3:\/\/([^/]*)(?:\/(.*))?$/s.exec(text);
  const bucket = url === null ? null : String(url[1]);
  if (bucket !== null && !/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(bucket)) throw noBucket(text, bucket);
  if (url === null && /^[a-z][a-z0-9+.-]*:\/\//i.test(text))
    throw new RunctlError('usage', `${text} is no place in S3`, { hint: 'write s3://bucket/folder' });
  const key = (url === null ? text : (url[2] ?? '')).replace(/^\.?\/+/, '');
  if (key.split('/').some((segment) => segment === '..' || segment === '.'))
    throw new RunctlError('usage', `${text} has a part "." or "..", which S3 does not resolve`);
  return { kind: 'bucket', bucket, key: key === '.' ? '' : key, text };
}

function noBucket(text: string, bucket: string): RunctlError {
  const isLength = /^[a-z0-9][a-z0-9.-]*$/.test(bucket) && (bucket.length < 3 || bucket.length > 63);
  const rule = isLength ? '3 to 63 characters' : 'only lowercase letters, digits, dots and dashes';
  const message =
    bucket === '' ? `${text} names no bucket` : `${text}: "${bucket}" is no bucket's name, which has ${rule}`;
  return new RunctlError('usage', message, { hint: 'write s3://bucket/folder' });
}

export function folderPlace(text: string, cwd: string): FolderPlace {
  return { kind: 'folder', path: resolve(cwd, text), text };
}

/** What `transfer` takes: `s3://…`, `instance:i-…:/path`, else a path on this computer. Errors: `usage`. */
export function anyPlace(text: string, cwd: string): TransferPlace {
  if (text.startsWith('s3://')) return bucketPlace(text);
  if (!text.startsWith('instance:')) return folderPlace(text, cwd);
  const match = /^instance:(i-[0-9a-f]+):(.+)$/s.exec(text);
  if (match === null || !isAbsolute(String(match[2])))
    throw new RunctlError('usage', `${text} names no path on an instance`, {
      hint: 'write instance:i-0123456789abcdef0:/absolute/path',
    });
  return { kind: 'instance', machineId: String(match[1]), path: String(match[2]), text };
}

/** The beginning of all keys in the folder that a place names. */
export function folderPrefix(place: BucketPlace): string {
  return place.key === '' || place.key.endsWith('/') ? place.key : `${place.key}/`;
}
