import { type ByteRange, type CompletedPart, type MultipartUpload, type PartInfo, StoreError } from './object-store.ts';

/** What a range asks of an object of this size; fails as S3 does when it begins behind the end. */
export function rangeWithin(range: ByteRange | undefined, sizeBytes: number, key: string): ByteRange {
  if (range === undefined) return { start: 0, end: sizeBytes };
  assertRange(range, key);
  if (range.start >= sizeBytes) {
    throw new StoreError('precondition', `${key} has ${sizeBytes} bytes, none at ${range.start}`, {
      key,
      status: 416,
      code: 'InvalidRange',
    });
  }
  return { start: range.start, end: Math.min(range.end, sizeBytes) };
}

/** An empty or inverted range can't be expressed to S3, which would send the whole object instead. */
export function assertRange({ start, end }: ByteRange, key: string): void {
  if (Number.isSafeInteger(start) && Number.isSafeInteger(end) && start >= 0 && end > start) return;
  throw new StoreError('permanent', `not a range: ${start} to ${end} of ${key}`, { key });
}

export function abortedError(signal: AbortSignal, key: string | null = null): StoreError {
  return new StoreError('aborted', 'the request was aborted', { key, cause: signal.reason });
}

/** S3's rules for completing an upload. */
export function checkParts(
  { key, uploadId }: MultipartUpload,
  given: {
    readonly listed: readonly CompletedPart[];
    readonly uploaded: ReadonlyMap<number, PartInfo>;
    readonly minPartBytes: number;
    readonly sizeBytes: number | undefined;
  },
): void {
  const refuse = (code: string, what: string) => {
    throw new StoreError('permanent', `upload ${uploadId} of ${key}: ${what}`, { key, status: 400, code });
  };
  if (given.listed.length === 0) refuse('MalformedXML', 'no parts were given');
  let total = 0;
  for (const [index, { partNumber, etag }] of given.listed.entries()) {
    const part = given.uploaded.get(partNumber);
    if (part === undefined || part.etag !== etag) return refuse('InvalidPart', `part ${partNumber} is not there`);
    const previous = given.listed[index - 1];
    if (previous !== undefined && previous.partNumber >= partNumber)
      refuse('InvalidPartOrder', 'parts are out of order');
    if (index < given.listed.length - 1 && part.sizeBytes < given.minPartBytes) {
      refuse('EntityTooSmall', `part ${partNumber} has only ${part.sizeBytes} bytes`);
    }
    total += part.sizeBytes;
  }
  if (given.sizeBytes !== undefined && given.sizeBytes !== total) {
    refuse('InvalidRequest', `its parts have ${total} bytes, not ${given.sizeBytes}`);
  }
}
