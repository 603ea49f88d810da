import { BLOCK, decodeHeader, decodePax, type TarHeader } from './tar-header.ts';

/** An entry and its bytes, which must be read (or left alone) before the next entry is asked for. */
export interface TarEntry extends TarHeader {
  readonly content: AsyncIterable<Buffer>;
}

/** Largest pax or long-name body that is believed. */
const LARGEST_NAME_BYTES = 1024 * 1024;

/** Entries of a tar in order; names of pax and GNU long-name headers are already applied. Throws when it is damaged or cut off. */
export async function* readTar(source: AsyncIterable<Uint8Array>): AsyncGenerator<TarEntry> {
  const input = new ByteReader(source);
  let records: Readonly<Record<string, string>> = {};
  for (;;) {
    const block = await input.take(BLOCK);
    const header = decodeHeader(block);
    if (header === null) return input.drain();
    if (header.type === 'pax' || header.type === 'long-name') {
      const body = await nameBody(input, header);
      records =
        header.type === 'pax'
          ? { ...records, ...decodePax(body) }
          : { ...records, path: body.toString('utf8').replace(/\0.*$/s, '') };
      continue;
    }
    const sizeBytes = records['size'] === undefined ? header.sizeBytes : Number(records['size']);
    const entry = { ...header, sizeBytes };
    const content = input.body(sizeBytes);
    if (header.type !== 'global')
      yield {
        ...entry,
        path: records['path'] ?? header.path,
        linkTarget: records['linkpath'] ?? header.linkTarget,
        content,
      };
    for await (const rest of content) void rest;
    await input.take((BLOCK - (sizeBytes % BLOCK)) % BLOCK);
    records = {};
  }
}

async function nameBody(input: ByteReader, header: TarHeader): Promise<Buffer> {
  if (header.sizeBytes > LARGEST_NAME_BYTES) throw new Error('the archive is damaged: a name is too long');
  const body = await input.take(header.sizeBytes);
  await input.take((BLOCK - (header.sizeBytes % BLOCK)) % BLOCK);
  return body;
}

/** Cuts a stream of chunks into the lengths that are asked for. */
class ByteReader {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#chunks = source[Symbol.asyncIterator]();
  }

  async take(sizeBytes: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    for await (const part of this.body(sizeBytes)) parts.push(part);
    return Buffer.concat(parts);
  }

  /** An iterable over the next bytes that can be left and taken up again: every byte is given once. */
  body(sizeBytes: number): AsyncIterable<Buffer> {
    let left = sizeBytes;
    const next = async (): Promise<IteratorResult<Buffer>> => {
      if (left === 0) return { done: true, value: undefined };
      const chunk = await this.#upTo(left);
      left -= chunk.length;
      return { done: false, value: chunk };
    };
    return { [Symbol.asyncIterator]: () => ({ next }) };
  }

  /** Reads to the end, where the compression's own checksum stands. */
  async drain(): Promise<void> {
    while ((await this.#chunks.next()).done !== true);
  }

  async #upTo(sizeBytes: number): Promise<Buffer> {
    while (this.#rest.length === 0) {
      const chunk = await this.#chunks.next();
      if (chunk.done === true) throw new Error('the archive is cut off');
      this.#rest = Buffer.from(chunk.value.buffer, chunk.value.byteOffset, chunk.value.byteLength);
    }
    const taken = this.#rest.subarray(0, sizeBytes);
    this.#rest = this.#rest.subarray(taken.length);
    return taken;
  }
}
