const MOST_DIGITS = 6;

/** An answer that a full reader of HTTP may understand. */
export class NotUnderstood extends Error {}

/**
 * A body in chunks (RFC 9112 §7.1) from its first byte on, and how many bytes it took; null while it is not whole. Throws
 * NotUnderstood where it is none, or has more to it than chunks: extensions, trailers.
 */
export function readChunked(bytes: Buffer): { readonly content: Buffer; readonly length: number } | null {
  const pieces: Buffer[] = [];
  for (let at = 0; ;) {
    const lineEnd = bytes.indexOf('\r\n', at);
    const digits = bytes.toString(
      'latin1',
      at,
      Math.min(lineEnd < 0 ? bytes.byteLength : lineEnd, at + MOST_DIGITS + 2),
    );
    if (lineEnd < 0 && digits.length <= MOST_DIGITS + 1) return null;
    if (!/^[\da-f]{1,6}$/i.test(digits)) throw new NotUnderstood(`not the size of a chunk: ${JSON.stringify(digits)}`);
    const start = lineEnd + 2;
    const end = start + Number.parseInt(digits, 16);
    if (bytes.byteLength < end + 2) return null;
    if (bytes.toString('latin1', end, end + 2) !== '\r\n') throw new NotUnderstood('a chunk is longer than it said');
    if (end === start) return { content: Buffer.concat(pieces), length: end + 2 };
    pieces.push(bytes.subarray(start, end));
    at = end + 2;
  }
}
