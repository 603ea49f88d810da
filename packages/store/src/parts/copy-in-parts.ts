import { inParallel } from '@runctl/core';
import { abandonUpload, completeUpload } from './complete-upload.ts';
import { wholeCrc32 } from '../port/crc32.ts';
import type { CallOptions, CopiedObject, ObjectInfo, ObjectStore } from '../port/object-store.ts';
import { partGrid } from './part-grid.ts';

const COPY_PART_BYTES = 512 * 1024 ** 2;

/** Copies an object inside its store by ranges, as S3 wants it above 5 GiB. Fails when the source changes meanwhile. */
export async function copyInParts(
  store: ObjectStore,
  { source, to }: { readonly source: ObjectInfo; readonly to: string },
  options: CallOptions & { readonly partSizeBytes?: number } = {},
): Promise<CopiedObject> {
  const grid = partGrid(source.sizeBytes, options.partSizeBytes ?? COPY_PART_BYTES);
  const upload = await store.createMultipart(to, options);
  try {
    const parts = await inParallel(grid.parts, { concurrency: 8, signal: options.signal }, (part, signal) =>
      store.copyPart(
        upload,
        { partNumber: part.partNumber, from: source.key, range: part, ifMatch: source.etag },
        { signal },
      ),
    );
    await completeUpload(store, { upload, parts, sizeBytes: source.sizeBytes }, options);
    const sums = parts.flatMap(({ crc32 }, index) => {
      const { start, end } = grid.parts[index] ?? { start: 0, end: 0 };
      return crc32 === null ? [] : [{ crc32, sizeBytes: end - start }];
    });
    return { crc32: sums.length === parts.length ? wholeCrc32(sums) : null };
  } catch (error) {
    await abandonUpload(store, upload);
    throw error;
  }
}
