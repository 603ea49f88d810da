import type { CompletedPart, MultipartUpload } from '../port/object-store.ts';
import { escapeXml } from './xml.ts';

export function partQuery(upload: MultipartUpload, partNumber: number): Record<string, string> {
  return { partNumber: String(partNumber), uploadId: upload.uploadId };
}

export function completeDocument(parts: readonly CompletedPart[]): string {
  const listed = parts.map(({ partNumber, etag, crc32 }) => {
    const checksum = crc32 === null ? '' : `<ChecksumCRC32>${escapeXml(crc32)}</ChecksumCRC32>`;
    return `<Part><PartNumber>${partNumber}</PartNumber><ETag>"${escapeXml(etag)}"</ETag>${checksum}</Part>`;
  });
  const namespace = 'http://s3.amazonaws.com/doc/2006-03-01/';
  return `<CompleteMultipartUpload xmlns="${namespace}">${listed.join('')}</CompleteMultipartUpload>`;
}
