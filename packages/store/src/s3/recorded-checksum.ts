import type { HttpAnswer } from './http-call.ts';

/** Headers that ask for the checksum that S3 recorded of an object. */
export function recordedChecksumWish(wanted: boolean | undefined): Record<string, string> {
  return wanted ? { 'x-amz-checksum-mode': 'ENABLED' } : {};
}

export function recordedChecksumIn(
  answer: HttpAnswer,
  wanted: boolean | undefined,
): { readonly crc32?: string | null } {
  return wanted ? { crc32: answer.header('x-amz-checksum-crc32') } : {};
}
