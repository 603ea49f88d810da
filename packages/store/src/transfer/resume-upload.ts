import { hash } from 'node:crypto';
import type { CallOptions, CompletedPart, MultipartUpload, ObjectStore, PartInfo } from '../port/object-store.ts';

export interface BegunUpload {
  readonly upload: MultipartUpload;
  /** Parts that an earlier try has left, by number. */
  readonly sent: ReadonlyMap<number, PartInfo>;
}

/** A new upload, or where it may be resumed the newest of this key that is open, with the parts that it has. */
export async function openUpload(
  store: ObjectStore,
  key: string,
  options: CallOptions & { readonly resumable?: boolean },
): Promise<BegunUpload> {
  const { signal } = options;
  let newest: (MultipartUpload & { readonly initiatedMs: number }) | null = null;
  if (options.resumable === true)
    for await (const open of store.listMultipart({ prefix: key, signal }))
      if (open.key === key && (newest === null || open.initiatedMs >= newest.initiatedMs)) newest = open;
  if (newest === null) return { upload: await store.createMultipart(key, { signal }), sent: new Map() };
  const upload = { key, uploadId: newest.uploadId };
  const sent = new Map<number, PartInfo>();
  for await (const part of store.listParts(upload, { signal })) sent.set(part.partNumber, part);
  return { upload, sent };
}

/**
 * The part that stands in the bucket if it holds the same bytes, by its CRC and, since a CRC alone is weak, by the MD5
 * that S3 gives as a part's etag; null when it must be sent. Where etags are no MD5 (buckets with a KMS key) it always is.
 */
export function knownPart(sent: PartInfo | undefined, body: Uint8Array, crc32: string): CompletedPart | null {
  if (sent === undefined || sent.sizeBytes !== body.byteLength || sent.crc32 !== crc32) return null;
  if (hash('md5', body, 'hex') !== sent.etag) return null;
  const { partNumber, etag } = sent;
  return { partNumber, etag, crc32 };
}
