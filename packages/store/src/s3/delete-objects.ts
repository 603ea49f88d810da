import type { CallOptions } from '../port/object-store.ts';
import { rootOf } from './answers.ts';
import { errorOf } from './failures.ts';
import type { S3Client } from './s3-client.ts';
import { xmlElements, xmlText, escapeXml } from './xml.ts';

const KEYS_PER_REQUEST = 1000;

/** One request for up to a thousand keys. Keys that XML 1.0 can't carry go one by one. */
export async function deleteInBatches(client: S3Client, keys: readonly string[], options: CallOptions): Promise<void> {
  const single = keys.length === 1 ? keys : keys.filter((key) => !fitsXml(key));
  const many = keys.length === 1 ? [] : keys.filter(fitsXml);
  for (const key of single) await client.callForText({ method: 'DELETE', key, signal: options.signal });
  for (let start = 0; start < many.length; start += KEYS_PER_REQUEST) {
    await deletePage(client, many.slice(start, start + KEYS_PER_REQUEST), options);
  }
}

async function deletePage(client: S3Client, keys: readonly string[], { signal }: CallOptions): Promise<void> {
  const objects = keys.map((key) => `<Object><Key>${escapeXml(key)}</Key></Object>`).join('');
  const namespace = 'http://s3.amazonaws.com/doc/2006-03-01/';
  const body = Buffer.from(`<Delete xmlns="${namespace}">${objects}<Quiet>true</Quiet></Delete>`);
  const { text, answer } = await client.callForText({ method: 'POST', key: null, query: { delete: '' }, body, signal });
  for (const failed of xmlElements(rootOf(text, 'DeleteResult'), 'Error')) {
    const failure = {
      status: answer.status,
      code: xmlText(failed, 'Code'),
      message: xmlText(failed, 'Message'),
      region: null,
      serverTimeMs: answer.serverTimeMs,
    };
    throw errorOf(failure, { bucket: client.bucket, region: '', key: xmlText(failed, 'Key'), operation: 'DELETE' });
  }
}

/** False for characters that XML 1.0 has no way to write. */
function fitsXml(key: string): boolean {
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  return !/[\u0000-\u0008\u000B\u000C\u000E-\u001F\uFFFE\uFFFF]/.test(key);
}
