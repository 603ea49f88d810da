import {
  checksumAlgorithms,
  checksumBytes,
  parseAlgorithm,
  type ChecksumAlgorithm,
} from '../../../model/s3/checksums.ts';
import { S3Error } from '../../../model/s3/errors.ts';
import type { CallHeaders } from './call.ts';

export function checksumHeader(algorithm: ChecksumAlgorithm): string {
  return `x-amz-checksum-${algorithm.toLowerCase()}`;
}

export function checksumElement(algorithm: ChecksumAlgorithm): `Checksum${ChecksumAlgorithm}` {
  return `Checksum${algorithm}`;
}

/** Which checksum a request wants to have computed, and what it says the result must be. */
export interface ChecksumDemand {
  readonly algorithm: ChecksumAlgorithm;
  /** Base64 from a header; undefined when it follows in a trailer or was not given. */
  readonly expected: string | undefined;
  readonly inTrailer: boolean;
}

/** Reads the demand from a request's headers; undefined when the client named no algorithm. */
export function checksumDemandOf(headers: CallHeaders): ChecksumDemand | undefined {
  const given = checksumAlgorithms.filter((algorithm) => headers[checksumHeader(algorithm)] !== undefined);
  if (given.length > 1)
    throw new S3Error('InvalidRequest', {
      message: 'Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.',
    });
  const [algorithm] = given;
  if (algorithm !== undefined) {
    const expected = headers[checksumHeader(algorithm)] ?? '';
    assertChecksumText(algorithm, expected);
    return { algorithm, expected, inTrailer: false };
  }
  const trailer = (headers['x-amz-trailer'] ?? '').trim().toLowerCase();
  const trailing = checksumAlgorithms.find((one) => checksumHeader(one) === trailer);
  if (trailing !== undefined) return { algorithm: trailing, expected: undefined, inTrailer: true };
  if (trailer !== '')
    throw new S3Error('InvalidRequest', {
      message: 'The value specified in the x-amz-trailer header is not supported',
    });
  const named = parseAlgorithm(headers['x-amz-sdk-checksum-algorithm']);
  return named && { algorithm: named, expected: undefined, inTrailer: false };
}

export function assertChecksumText(algorithm: ChecksumAlgorithm, text: string): void {
  const plain = text.replace(/-\d+$/, '');
  if (Buffer.from(plain, 'base64').length === checksumBytes[algorithm] && /^[A-Za-z0-9+/]+=*$/.test(plain)) return;
  throw new S3Error('InvalidRequest', { message: `Value for ${checksumHeader(algorithm)} header is invalid.` });
}
