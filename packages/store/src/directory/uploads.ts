import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { compareKeys } from '../port/keys.ts';
import { type MultipartUpload, type OpenUpload, type PartInfo, StoreError } from '../port/object-store.ts';
import { isMissing, openStored, readStored, writeStored } from './object-file.ts';

/** Unfinished uploads: a folder each, with `upload.json` and a file per part. */
export class UploadFolders {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async create(key: string, initiatedMs: number): Promise<MultipartUpload> {
    const uploadId = randomUUID();
    await mkdir(join(this.#folder, uploadId), { recursive: true });
    await writeFile(join(this.#folder, uploadId, 'upload.json'), JSON.stringify({ key, initiatedMs }));
    return { key, uploadId };
  }

  async putPart(upload: MultipartUpload, partNumber: number, chunks: AsyncIterable<Uint8Array>): Promise<PartInfo> {
    await this.#check(upload);
    const temporary = join(this.#folder, upload.uploadId, `new-${randomUUID()}`);
    try {
      const { etag, crc32, sizeBytes } = await writeStored(temporary, chunks, { parts: 0, sync: false });
      await rename(temporary, this.#partPath(upload, partNumber));
      return { partNumber, etag, crc32, sizeBytes };
    } catch (error) {
      await rm(temporary, { force: true });
      throw isMissing(error) ? noUpload(upload) : error;
    }
  }

  async parts(upload: MultipartUpload): Promise<PartInfo[]> {
    await this.#check(upload);
    const names = await readdir(join(this.#folder, upload.uploadId));
    const found: PartInfo[] = [];
    for (const name of names) {
      const partNumber = Number(/^part-(\d+)$/.exec(name)?.[1]);
      if (Number.isNaN(partNumber)) continue;
      const stored = await openStored(this.#partPath(upload, partNumber));
      if (stored === null) continue;
      await stored.file.close();
      found.push({ partNumber, etag: stored.etag, crc32: stored.crc32, sizeBytes: stored.sizeBytes });
    }
    return found.sort((a, b) => a.partNumber - b.partNumber);
  }

  async *bytes(upload: MultipartUpload, partNumbers: readonly number[]): AsyncIterable<Uint8Array> {
    for (const partNumber of partNumbers) {
      const stored = await openStored(this.#partPath(upload, partNumber));
      if (stored === null) throw noUpload(upload);
      yield* readStored(stored, { start: 0, end: stored.sizeBytes });
    }
  }

  async remove(upload: MultipartUpload): Promise<void> {
    if (!/^[0-9a-f-]{36}$/.test(upload.uploadId)) return;
    await rm(join(this.#folder, upload.uploadId), { recursive: true, force: true });
  }

  async list(prefix: string): Promise<OpenUpload[]> {
    const names = await readdir(this.#folder).catch(() => []);
    const found: OpenUpload[] = [];
    for (const uploadId of names) {
      const upload = await this.#read(uploadId);
      if (upload !== null && upload.key.startsWith(prefix)) found.push({ ...upload, uploadId });
    }
    return found.sort((a, b) => compareKeys(a.key, b.key) || a.initiatedMs - b.initiatedMs);
  }

  #partPath(upload: MultipartUpload, partNumber: number): string {
    return join(this.#folder, upload.uploadId, `part-${String(partNumber).padStart(5, '0')}`);
  }

  async #check(upload: MultipartUpload): Promise<void> {
    const found = /^[0-9a-f-]{36}$/.test(upload.uploadId) ? await this.#read(upload.uploadId) : null;
    if (found?.key !== upload.key) throw noUpload(upload);
  }

  async #read(uploadId: string): Promise<{ readonly key: string; readonly initiatedMs: number } | null> {
    try {
      const text = await readFile(join(this.#folder, uploadId, 'upload.json'), 'utf8');
      return JSON.parse(text) as { key: string; initiatedMs: number };
    } catch (error) {
      if (isMissing(error) || error instanceof SyntaxError) return null;
      throw error;
    }
  }
}

function noUpload({ key, uploadId }: MultipartUpload): StoreError {
  return new StoreError('missing', `no upload ${uploadId} of ${key}`, { key, code: 'NoSuchUpload' });
}
