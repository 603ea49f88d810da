import { crc32 } from 'node:zlib';
import { bodyChunks } from './object-body.ts';
import type { ObjectBody } from './object-store.ts';

/** A CRC-32 as S3's headers carry it: four bytes, big endian, base64. */
export function encodeCrc32(value: number): string {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes.toString('base64');
}

export function crc32Of(bytes: Uint8Array): string {
  return encodeCrc32(crc32(bytes));
}

/** Reads a streamed body once for its CRC, so that it can travel in a header in front of the bytes. */
export async function crc32OfBody(body: ObjectBody, key: string): Promise<string> {
  if (body instanceof Uint8Array) return crc32Of(body);
  let value = 0;
  for await (const chunk of bodyChunks(body, key)) value = crc32(chunk, value);
  return encodeCrc32(value);
}
