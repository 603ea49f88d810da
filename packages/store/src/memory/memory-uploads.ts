import { compareKeys } from '../port/keys.ts';
import { type MultipartUpload, type OpenUpload, type PartInfo, StoreError } from '../port/object-store.ts';

export type MemoryPart = PartInfo & { readonly bytes: Uint8Array };

interface Unfinished {
  readonly key: string;
  readonly initiatedMs: number;
  readonly parts: Map<number, MemoryPart>;
}

/** Uploads that are neither completed nor aborted. */
export class MemoryUploads {
  readonly #uploads = new Map<string, Unfinished>();
  #lastId = 0;

  create(key: string, initiatedMs: number): MultipartUpload {
    const uploadId = `upload-${++this.#lastId}`;
    this.#uploads.set(uploadId, { key, initiatedMs, parts: new Map() });
    return { key, uploadId };
  }

  /** Throws `missing` for an upload that is not open. */
  putPart(upload: MultipartUpload, part: MemoryPart): void {
    this.#find(upload).parts.set(part.partNumber, part);
  }

  /** By number. Throws `missing` for an upload that is not open. */
  parts(upload: MultipartUpload): ReadonlyMap<number, MemoryPart> {
    return this.#find(upload).parts;
  }

  remove({ uploadId }: MultipartUpload): void {
    this.#uploads.delete(uploadId);
  }

  list(prefix: string): OpenUpload[] {
    return [...this.#uploads]
      .map(([uploadId, { key, initiatedMs }]) => ({ key, uploadId, initiatedMs }))
      .filter(({ key }) => key.startsWith(prefix))
      .sort((a, b) => compareKeys(a.key, b.key) || a.initiatedMs - b.initiatedMs);
  }

  #find({ key, uploadId }: MultipartUpload): Unfinished {
    const upload = this.#uploads.get(uploadId);
    if (upload?.key === key) return upload;
    throw new StoreError('missing', `no upload ${uploadId} of ${key}`, { key, code: 'NoSuchUpload' });
  }
}
