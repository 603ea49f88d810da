import { type CallOptions, type ObjectBody, type ObjectStore, StoreError } from './object-store.ts';

export function bodySize(body: ObjectBody): number {
  return body instanceof Uint8Array ? body.byteLength : body.sizeBytes;
}

/** The chunks of a body; fails with `permanent` when they do not add up to the announced size. */
export async function* bodyChunks(body: ObjectBody, key: string): AsyncIterable<Uint8Array> {
  if (body instanceof Uint8Array) {
    yield body;
    return;
  }
  let sizeBytes = 0;
  for await (const chunk of body.open()) {
    sizeBytes += chunk.byteLength;
    if (sizeBytes > body.sizeBytes) break;
    yield chunk;
  }
  if (sizeBytes !== body.sizeBytes) throw wrongSize(body.sizeBytes, sizeBytes, key);
}

function wrongSize(announced: number, actual: number, key: string): StoreError {
  const comparison = actual > announced ? 'more than' : `${actual} of`;
  return new StoreError('permanent', `the body of ${key} has ${comparison} the announced ${announced} bytes`, { key });
}

export async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts);
}

/** The whole object in memory; rejects with `missing`. For documents, not for checkpoints. */
export async function readBytes(store: ObjectStore, key: string, options: CallOptions = {}): Promise<Uint8Array> {
  const { body } = await store.get(key, options);
  return collect(body);
}

/** The whole object as UTF-8; rejects with `missing`. */
export async function readText(store: ObjectStore, key: string, options: CallOptions = {}): Promise<string> {
  return Buffer.from(await readBytes(store, key, options)).toString('utf8');
}
