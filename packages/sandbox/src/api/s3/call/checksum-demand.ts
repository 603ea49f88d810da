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

/** Headers of that prefix that carry no checksum. */
const NOT_CHECKSUMS = ['x-amz-checksum-algorithm', 'x-amz-checksum-mode', 'x-amz-checksum-type'];

/** The one checksum that a request's headers carry. Throws NotImplemented for an algorithm that is not modelled. */
export function declaredChecksum(headers: CallHeaders): { algorithm: ChecksumAlgorithm; value: string } | undefined {
  const given = Object.entries(headers).filter(
    ([name, value]) => name.startsWith('x-amz-checksum-') && !NOT_CHECKSUMS.includes(name) && value !== undefined,
  );
  if (given.length > 1)
    throw new S3Error('InvalidRequest', {
      message: 'Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.',
    });
  const [[name, value = ''] = []] = given;
  if (name === undefined) return undefined;
  const algorithm = checksumAlgorithms.find((one) => checksumHeader(one) === name);
  if (algorithm === undefined) throw new S3Error('NotImplemented', { fields: { Header: name } });
  assertChecksumText(algorithm, value);
  return { algorithm, value };
}

/** Reads the demand from a request's headers; undefined when the client named no algorithm. */
export function checksumDemandOf(headers: CallHeaders): ChecksumDemand | undefined {
  const declared = declaredChecksum(headers);
  if (declared !== undefined) return { algorithm: declared.algorithm, expected: declared.value, inTrailer: false };
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
