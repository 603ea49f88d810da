import { type FileBytes, type StructureFinding, torn, unknown, whole } from './finding.ts';

const CHUNK_BYTES = 64 * 1024;
const DEEPEST = 200;
/** Far more values than a model of 100,000 trees has. */
const MOST_VALUES = 20_000_000;
const FIXED_BYTES: Readonly<Record<string, number>> = {
  Z: 0,
  N: 0,
  T: 0,
  F: 0,
  i: 1,
  U: 1,
  C: 1,
  I: 2,
  l: 4,
  d: 4,
  L: 8,
  D: 8,
};

/**
 * Whether one value of Universal Binary JSON (ubjson.org, as XGBoost writes its models) fills the file. Walks over it and holds
 * one chunk at a time; contents of typed arrays and texts are stepped over unread.
 */
export async function ubjsonStructure(file: FileBytes): Promise<StructureFinding> {
  const walk = new Walk(file);
  try {
    await walk.values();
  } catch (error) {
    if (error instanceof Broken) return torn(`UBJSON ${error.message}`);
    throw error;
  }
  if (walk.gaveUp) return unknown('UBJSON has too many values to look at all');
  return walk.at === file.sizeBytes ? whole('UBJSON is closed at the end') : torn('UBJSON has bytes after its end');
}

class Broken extends Error {}

/** An array or object that has begun. `left`: null = until the closing sign. */
interface Open {
  readonly keys: boolean;
  readonly type: string | null;
  left: number | null;
}

class Walk {
  at = 0;
  gaveUp = false;
  readonly #file: FileBytes;
  #chunk: Buffer = Buffer.alloc(0);
  #chunkAt = 0;
  readonly #open: Open[] = [];

  constructor(file: FileBytes) {
    this.#file = file;
  }

  async values(): Promise<void> {
    await this.#value(await this.#sign());
    for (let seen = 0; this.#open.length > 0; seen++) {
      if (seen > MOST_VALUES) {
        this.gaveUp = true;
        return;
      }
      await this.#next();
    }
  }

  /** The next value of the innermost array or object, or its end. */
  async #next(): Promise<void> {
    const open = this.#open.at(-1);
    if (open === undefined) return;
    if (open.left === 0) return void this.#open.pop();
    if (open.left !== null) open.left--;
    let sign = open.keys || open.type === null ? await this.#sign() : open.type;
    if (open.left === null && sign === (open.keys ? '}' : ']')) return void this.#open.pop();
    if (open.keys) {
      this.#skip(await this.#integer(sign));
      sign = open.type ?? (await this.#sign());
    }
    await this.#value(sign);
  }

  async #value(sign: string): Promise<void> {
    if (sign === 'S' || sign === 'H') return this.#skip(await this.#length());
    if (sign === '[' || sign === '{') return this.#begin(sign === '{');
    const bytes = FIXED_BYTES[sign];
    if (bytes === undefined) throw new Broken(`has a value of the unknown type ${JSON.stringify(sign)}`);
    this.#skip(bytes);
  }

  async #begin(keys: boolean): Promise<void> {
    if (this.#open.length >= DEEPEST) throw new Broken('is nested too deeply');
    let type: string | null = null;
    if ((await this.#peek()) === '$') {
      this.at++;
      type = await this.#sign();
      if ((await this.#peek()) !== '#') throw new Broken('has a typed array without a count');
    }
    const counted = (await this.#peek()) === '#';
    if (counted) this.at++;
    const left = counted ? await this.#length() : null;
    const fixed = type === null ? undefined : FIXED_BYTES[type];
    if (!keys && fixed !== undefined && left !== null) this.#skip(fixed * left);
    else this.#open.push({ keys, type, left });
  }

  async #length(): Promise<number> {
    return this.#integer(await this.#sign());
  }

  async #integer(sign: string): Promise<number> {
    const bytes = FIXED_BYTES[sign];
    if (bytes === undefined || !'iUIlL'.includes(sign)) throw new Broken('has a length that is no number');
    const buffer = await this.#bytes(bytes);
    const value =
      sign === 'L' ? Number(buffer.readBigInt64BE()) : sign === 'U' ? buffer.readUInt8() : buffer.readIntBE(0, bytes);
    if (value < 0) throw new Broken('has a negative length');
    return value;
  }

  #skip(bytes: number): void {
    if (bytes > this.#file.sizeBytes - this.at) throw new Broken('ends too early');
    this.at += bytes;
  }

  async #sign(): Promise<string> {
    return (await this.#bytes(1)).toString('latin1');
  }

  async #peek(): Promise<string> {
    const sign = await this.#sign();
    this.at--;
    return sign;
  }

  async #bytes(length: number): Promise<Buffer> {
    if (this.at < this.#chunkAt || this.at + length > this.#chunkAt + this.#chunk.length) {
      this.#chunk = await this.#file.read(this.at, CHUNK_BYTES);
      this.#chunkAt = this.at;
    }
    const from = this.at - this.#chunkAt;
    if (from + length > this.#chunk.length) throw new Broken('ends too early');
    this.at += length;
    return this.#chunk.subarray(from, from + length);
  }
}
