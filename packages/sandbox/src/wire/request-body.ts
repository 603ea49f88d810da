import type { IncomingMessage } from 'node:http';
import { AwsError } from '../model/aws-error.ts';

const maximumBytes = 1024 * 1024;

/** The whole body of a control-plane request. Throws RequestEntityTooLarge above 1 MiB. */
export async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    const piece = chunk as Buffer;
    bytes += piece.length;
    if (bytes > maximumBytes) throw new AwsError('RequestEntityTooLarge', 'The request is too large');
    chunks.push(piece);
  }
  return Buffer.concat(chunks);
}
