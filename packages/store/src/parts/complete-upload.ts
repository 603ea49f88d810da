import {
  type CallOptions,
  type CompletedPart,
  isStoreError,
  type MultipartUpload,
  type ObjectStore,
  type PutCondition,
} from '../port/object-store.ts';

/**
 * Completes an upload, also when an earlier try succeeded and its answer was lost: then the upload is gone, and an object
 * of this size and number of parts stands in its place. Right for keys that are written once (checkpoint data).
 */
export async function completeUpload(
  store: ObjectStore,
  done: { readonly upload: MultipartUpload; readonly parts: readonly CompletedPart[]; readonly sizeBytes: number },
  options: CallOptions & { readonly when?: PutCondition | undefined } = {},
): Promise<{ readonly etag: string }> {
  const { upload, parts, sizeBytes } = done;
  try {
    return await store.completeMultipart(upload, parts, { ...options, sizeBytes });
  } catch (error) {
    if (!isStoreError(error, 'missing', 'precondition')) throw error;
    // Only an upload that is gone can have been completed; a condition that fails leaves it in place.
    if (error.kind === 'precondition' && (await isOpen(store, upload, options))) throw error;
    const info = await store.head(upload.key, options);
    if (info?.sizeBytes === sizeBytes && info.etag.endsWith(`-${parts.length}`)) return { etag: info.etag };
    throw error;
  }
}

async function isOpen(store: ObjectStore, upload: MultipartUpload, options: CallOptions): Promise<boolean> {
  try {
    for await (const _part of store.listParts(upload, options)) break;
    return true;
  } catch (error) {
    if (isStoreError(error, 'missing')) return false;
    throw error;
  }
}

const ABANDON_LIMIT_MS = 3000;

/** Aborts an upload of a transfer that failed, as far as that is possible in a moment: the next holder sweeps the rest. */
export async function abandonUpload(store: ObjectStore, upload: MultipartUpload): Promise<void> {
  try {
    await store.abortMultipart(upload, { signal: AbortSignal.timeout(ABANDON_LIMIT_MS) });
  } catch {
    // The transfer's own error is the one to report.
  }
}
