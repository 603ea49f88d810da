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

/** S3's checksum of an object made of parts: the CRC-32 over the parts' binary CRC-32s, and how many they are. */
export function compositeCrc32(parts: readonly string[]): string {
  return `${crc32Of(Buffer.concat(parts.map((part) => Buffer.from(part, 'base64'))))}-${parts.length}`;
}

/**
 * The CRC-32 of two pieces of bytes in a row, from the CRC-32 of each and the length of the second: appending zeros is a
 * linear map over GF(2), which is squared for each bit of the length (M. Adler, zlib's crc32_combine).
 */
export function combineCrc32(first: number, second: number, secondBytes: number): number {
  let result = first >>> 0;
  let zeros = appendOneZeroBit();
  for (let bits = 0; bits < 3; bits++) zeros = squared(zeros);
  // Bitwise operators would cut lengths above 4 GiB.
  for (let left = secondBytes; left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) result = times(zeros, result);
    zeros = squared(zeros);
  }
  return (result ^ second) >>> 0;
}

/** A piece of an object. */
export interface SizedCrc32 {
  /** In S3's form. */
  readonly crc32: string;
  readonly sizeBytes: number;
}

/** Whether pieces in a row have the checksum that S3 recorded; null where it records none, or one over parts of another size. */
export function checksumHolds(recorded: string | null | undefined, pieces: readonly SizedCrc32[]): boolean | null {
  if (recorded === null || recorded === undefined) return null;
  const composite = /-(\d+)$/.exec(recorded);
  if (composite === null) return recorded === wholeCrc32(pieces);
  if (Number(composite[1]) !== pieces.length) return null;
  return recorded === compositeCrc32(pieces.map((piece) => piece.crc32));
}

/** In S3's form, from the pieces that the bytes were cut into. */
export function wholeCrc32(pieces: readonly SizedCrc32[]): string {
  const [first, ...rest] = pieces;
  if (first === undefined || rest.length === 0) return first?.crc32 ?? '';
  return encodeCrc32(
    rest.reduce(
      (sum, { crc32, sizeBytes }) => combineCrc32(sum, decodeCrc32(crc32), sizeBytes),
      decodeCrc32(first.crc32),
    ),
  );
}

/** Columns of the 32 × 32 bit matrix of one more zero bit behind the bytes; CRC-32 is reflected. */
function appendOneZeroBit(): Uint32Array {
  const matrix = new Uint32Array(32);
  matrix[0] = 0xedb88320;
  for (let bit = 1; bit < 32; bit++) matrix[bit] = 1 << (bit - 1);
  return matrix;
}

function times(matrix: Uint32Array, vector: number): number {
  let sum = 0;
  for (let bit = 0; bit < 32; bit++) if ((vector >>> bit) & 1) sum ^= matrix[bit] ?? 0;
  return sum >>> 0;
}

function squared(matrix: Uint32Array): Uint32Array {
  return matrix.map((column) => times(matrix, column));
}

export function decodeCrc32(text: string): number {
  return Buffer.from(text, 'base64').readUInt32BE(0);
}

/** Reads a streamed body once for its CRC, so that it can travel in a header in front of the bytes. */
export async function crc32OfBody(body: ObjectBody, key: string): Promise<string> {
  if (body instanceof Uint8Array) return crc32Of(body);
  let value = 0;
  for await (const chunk of bodyChunks(body, key)) value = crc32(chunk, value);
  return encodeCrc32(value);
}
