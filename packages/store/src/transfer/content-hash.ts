import { createHash, hash, type Hash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { encodeCrc32 } from '../port/crc32.ts';

/** Hashes of one part of the grid, as manifests have them. */
export interface PartHashes {
  /** Base64, as S3 has it. */
  readonly crc32: string;
  /** Hex. */
  readonly sha256: string;
}

/** What identifies the content of a file: its parts' hashes, and one that stands for all of them. */
export interface ContentHashes {
  /** Hex; see `compositeSha256`. */
  readonly sha256: string;
  readonly parts: readonly PartHashes[];
}

export function hashPart(bytes: Uint8Array): PartHashes {
  return { crc32: encodeCrc32(crc32(bytes)), sha256: hash('sha256', bytes, 'hex') };
}

/**
 * One hash for a file, out of those of its parts, so that parts can be hashed and compared in any order: of one part its
 * plain SHA-256, of several S3's composite form, the SHA-256 over the parts' binary digests in order
 * (https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html#composite-checksums).
 * Empty, and so equal to no hash, where that of a part is.
 */
export function compositeSha256(parts: readonly Pick<PartHashes, 'sha256'>[]): string {
  const [first] = parts;
  if (parts.some(({ sha256 }) => sha256 === '')) return '';
  if (parts.length === 1 && first !== undefined) return first.sha256;
  const digests = createHash('sha256');
  for (const { sha256 } of parts) digests.update(sha256, 'hex');
  return digests.digest('hex');
}

/** Hashes a file that comes as a stream, in order, by parts of one size. */
export class ContentHasher {
  readonly #partSizeBytes: number;
  readonly #parts: PartHashes[] = [];
  #sha256: Hash = createHash('sha256');
  #crc32 = 0;
  #filled = 0;

  constructor(partSizeBytes: number) {
    this.#partSizeBytes = partSizeBytes;
  }

  update(bytes: Uint8Array): void {
    for (let start = 0; start < bytes.byteLength;) {
      if (this.#filled === this.#partSizeBytes) this.#endPart();
      const piece = bytes.subarray(start, start + this.#partSizeBytes - this.#filled);
      this.#sha256.update(piece);
      this.#crc32 = crc32(piece, this.#crc32);
      this.#filled += piece.byteLength;
      start += piece.byteLength;
    }
  }

  /** Ends the last part: to be called once. An empty file has one empty part. */
  digest(): ContentHashes {
    this.#endPart();
    return { sha256: compositeSha256(this.#parts), parts: this.#parts };
  }

  #endPart(): void {
    this.#parts.push({ crc32: encodeCrc32(this.#crc32), sha256: this.#sha256.digest('hex') });
    this.#sha256 = createHash('sha256');
    this.#crc32 = 0;
    this.#filled = 0;
  }
}
