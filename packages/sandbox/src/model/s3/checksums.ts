import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { assertNever } from '@runctl/core';
import { combineCrcs, Crc64Nvme, crc32c, crcShapes } from './crc.ts';
import { S3Error } from './errors.ts';

export const checksumAlgorithms = ['CRC32', 'CRC32C', 'CRC64NVME', 'SHA1', 'SHA256'] as const;
export type ChecksumAlgorithm = (typeof checksumAlgorithms)[number];
export type ChecksumType = 'FULL_OBJECT' | 'COMPOSITE';

/** A checksum as S3 keeps it: base64, for a COMPOSITE one followed by `-` and the number of parts. */
export interface Checksum {
  readonly algorithm: ChecksumAlgorithm;
  readonly value: string;
  readonly type: ChecksumType;
}

/** Bytes of a checksum, before it is written in base64. */
export const checksumBytes: Readonly<Record<ChecksumAlgorithm, number>> = {
  CRC32: 4,
  CRC32C: 4,
  CRC64NVME: 8,
  SHA1: 20,
  SHA256: 32,
};

export interface Digest {
  update(data: Uint8Array): void;
  digest(): Buffer;
}

export function createDigest(algorithm: ChecksumAlgorithm): Digest {
  switch (algorithm) {
    case 'CRC32':
      return crc32Digest((data, previous) => crc32(data, previous));
    case 'CRC32C':
      return crc32Digest(crc32c);
    case 'CRC64NVME':
      return new Crc64Nvme();
    case 'SHA1':
    case 'SHA256':
      return shaDigest(algorithm.toLowerCase());
    default:
      return assertNever(algorithm);
  }
}

function shaDigest(name: string): Digest {
  const hash = createHash(name);
  return { update: (data) => void hash.update(data), digest: () => hash.digest() };
}

function crc32Digest(step: (data: Uint8Array, previous: number) => number): Digest {
  let value = 0;
  return {
    update: (data) => {
      value = step(data, value);
    },
    digest: () => {
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32BE(value);
      return bytes;
    },
  };
}

/** Reads an algorithm's name; undefined when there is none. Throws InvalidRequest on a name that S3 does not know. */
export function parseAlgorithm(text: string | undefined): ChecksumAlgorithm | undefined {
  if (text === undefined) return undefined;
  const algorithm = checksumAlgorithms.find((one) => one === text.toUpperCase());
  if (algorithm !== undefined) return algorithm;
  throw new S3Error('InvalidRequest', {
    message: 'Checksum algorithm provided is unsupported. Please try again with any of the valid types.',
  });
}

/** The type that S3 gives a multipart upload of this algorithm unless it is told otherwise. */
export function defaultType(algorithm: ChecksumAlgorithm): ChecksumType {
  return algorithm === 'CRC64NVME' ? 'FULL_OBJECT' : 'COMPOSITE';
}

/** SHA-1 and SHA-256 cannot be combined over parts, and CRC64NVME is never composite. */
export function assertTypeFits(algorithm: ChecksumAlgorithm, type: ChecksumType): void {
  const fits = type === 'COMPOSITE' ? algorithm !== 'CRC64NVME' : algorithm in crcShapes;
  if (fits) return;
  throw new S3Error('InvalidRequest', {
    message: `The ${type} checksum type cannot be used with the ${algorithm.toLowerCase()} checksum algorithm.`,
  });
}

/** The checksum of a multipart object from those of its parts, all of one algorithm, in order. */
export function checksumOfParts(
  kind: { readonly algorithm: ChecksumAlgorithm; readonly type: ChecksumType },
  parts: readonly { readonly value: string; readonly sizeBytes: number }[],
): Checksum {
  const { algorithm, type } = kind;
  if (type === 'COMPOSITE') {
    const digest = createDigest(algorithm);
    for (const part of parts) digest.update(Buffer.from(part.value, 'base64'));
    return { algorithm, type, value: `${digest.digest().toString('base64')}-${parts.length}` };
  }
  if (algorithm === 'SHA1' || algorithm === 'SHA256')
    throw new Error(`${algorithm} has no full-object form over parts`);
  const shape = crcShapes[algorithm];
  const pieces = parts.map(({ value, sizeBytes }) => ({
    crc: BigInt(`0x${Buffer.from(value, 'base64').toString('hex')}`),
    sizeBytes,
  }));
  const hex = combineCrcs(shape, pieces)
    .toString(16)
    .padStart(checksumBytes[algorithm] * 2, '0');
  return { algorithm, type, value: Buffer.from(hex, 'hex').toString('base64') };
}
