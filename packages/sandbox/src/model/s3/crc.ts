/** Reflected CRCs of up to 64 bits, computed eight bytes at a time, and their combination over concatenated data. */

const CRC32C_POLYNOMIAL = 0x82f63b78;
const crc32cTables = tables32(CRC32C_POLYNOMIAL);

function tables32(polynomial: number): Int32Array {
  const tables = new Int32Array(8 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let value = byte;
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ polynomial : value >>> 1;
    tables[byte] = value;
  }
  for (let table = 1; table < 8; table++)
    for (let byte = 0; byte < 256; byte++) {
      const previous = at(tables, (table - 1) * 256 + byte);
      tables[table * 256 + byte] = (previous >>> 8) ^ at(tables, previous & 255);
    }
  return tables;
}

// Two functions, because one for both kinds of array is compiled to a slower lookup.
function at(table: Int32Array, index: number): number {
  return table[index] as number;
}

function byteAt(data: Uint8Array, index: number): number {
  return data[index] as number;
}

/** CRC32C (Castagnoli) of `data` after `previous`, which is 0 at the start; unsigned. */
export function crc32c(data: Uint8Array, previous = 0): number {
  const t = crc32cTables;
  let crc = ~previous;
  let i = 0;
  for (const end = data.length - 7; i < end; i += 8) {
    const low =
      crc ^ (byteAt(data, i) | (byteAt(data, i + 1) << 8) | (byteAt(data, i + 2) << 16) | (byteAt(data, i + 3) << 24));
    crc =
      at(t, 1792 + (low & 255)) ^
      at(t, 1536 + ((low >>> 8) & 255)) ^
      at(t, 1280 + ((low >>> 16) & 255)) ^
      at(t, 1024 + (low >>> 24)) ^
      at(t, 768 + byteAt(data, i + 4)) ^
      at(t, 512 + byteAt(data, i + 5)) ^
      at(t, 256 + byteAt(data, i + 6)) ^
      at(t, byteAt(data, i + 7));
  }
  for (; i < data.length; i++) crc = (crc >>> 8) ^ at(t, (crc ^ byteAt(data, i)) & 255);
  return ~crc >>> 0;
}

const CRC64_POLYNOMIAL = 0x9a6c9329ac4bc9b5n;
/** Low and high half of each entry stand side by side, so that one cache line serves both. */
const crc64Table = table64(CRC64_POLYNOMIAL);

function table64(polynomial: bigint): Int32Array {
  const table = new Int32Array(8 * 512);
  const first: bigint[] = [];
  for (let byte = 0n; byte < 256n; byte++) {
    let value = byte;
    for (let bit = 0; bit < 8; bit++) value = value & 1n ? (value >> 1n) ^ polynomial : value >> 1n;
    first.push(value);
  }
  let current = first;
  for (let slice = 0; slice < 8; slice++) {
    current.forEach((value, byte) => {
      table[slice * 512 + byte * 2] = Number(BigInt.asIntN(32, value));
      table[slice * 512 + byte * 2 + 1] = Number(BigInt.asIntN(32, value >> 32n));
    });
    current = current.map((value) => (value >> 8n) ^ (first[Number(value & 255n)] as bigint));
  }
  return table;
}

/** CRC64NVME state that data is fed into; the two halves are kept apart because numbers are 32 bits wide under `^`. */
export class Crc64Nvme {
  #low = -1;
  #high = -1;

  update(data: Uint8Array): void {
    const t = crc64Table;
    let low = this.#low;
    let high = this.#high;
    let i = 0;
    for (const end = data.length - 7; i < end; i += 8) {
      const x =
        low ^
        (byteAt(data, i) | (byteAt(data, i + 1) << 8) | (byteAt(data, i + 2) << 16) | (byteAt(data, i + 3) << 24));
      const y =
        high ^
        (byteAt(data, i + 4) | (byteAt(data, i + 5) << 8) | (byteAt(data, i + 6) << 16) | (byteAt(data, i + 7) << 24));
      const a = 3584 + ((x & 255) << 1);
      const b = 3072 + ((x >>> 7) & 510);
      const c = 2560 + ((x >>> 15) & 510);
      const d = 2048 + ((x >>> 23) & 510);
      const e = 1536 + ((y & 255) << 1);
      const f = 1024 + ((y >>> 7) & 510);
      const g = 512 + ((y >>> 15) & 510);
      const h = (y >>> 23) & 510;
      low = at(t, a) ^ at(t, b) ^ at(t, c) ^ at(t, d) ^ at(t, e) ^ at(t, f) ^ at(t, g) ^ at(t, h);
      high =
        at(t, a + 1) ^
        at(t, b + 1) ^
        at(t, c + 1) ^
        at(t, d + 1) ^
        at(t, e + 1) ^
        at(t, f + 1) ^
        at(t, g + 1) ^
        at(t, h + 1);
    }
    for (; i < data.length; i++) {
      const index = ((low ^ byteAt(data, i)) & 255) << 1;
      low = ((low >>> 8) | (high << 24)) ^ at(t, index);
      high = (high >>> 8) ^ at(t, index + 1);
    }
    this.#low = low;
    this.#high = high;
  }

  /** Eight bytes, big endian, as S3 encodes them. */
  digest(): Buffer {
    const bytes = Buffer.alloc(8);
    bytes.writeInt32BE(~this.#high, 0);
    bytes.writeInt32BE(~this.#low, 4);
    return bytes;
  }
}

export interface CrcShape {
  readonly width: bigint;
  /** Reflected polynomial, without its highest term. */
  readonly polynomial: bigint;
}

export const crcShapes = {
  CRC32: { width: 32n, polynomial: 0xedb88320n },
  CRC32C: { width: 32n, polynomial: BigInt(CRC32C_POLYNOMIAL) },
  CRC64NVME: { width: 64n, polynomial: CRC64_POLYNOMIAL },
} as const satisfies Record<string, CrcShape>;

/**
 * The CRC of several pieces put together, from the CRC and size of each. A CRC is linear: the left piece's is multiplied
 * by x^(8 · size of the right piece) modulo the polynomial.
 */
export function combineCrcs(shape: CrcShape, pieces: readonly { crc: bigint; sizeBytes: number }[]): bigint {
  const shifts = new Map<number, bigint>();
  let combined = 0n;
  for (const { crc, sizeBytes } of pieces) {
    const shift = shifts.get(sizeBytes) ?? powerOfX(shape, BigInt(sizeBytes) * 8n);
    shifts.set(sizeBytes, shift);
    combined = multiply(shape, shift, combined) ^ crc;
  }
  return combined;
}

/** In reflected form the highest bit stands for x^0. */
function multiply({ width, polynomial }: CrcShape, a: bigint, b: bigint): bigint {
  let product = 0n;
  let term = b;
  for (let bit = width - 1n; bit >= 0n; bit--) {
    if ((a >> bit) & 1n) product ^= term;
    term = term & 1n ? (term >> 1n) ^ polynomial : term >> 1n;
  }
  return product;
}

function powerOfX(shape: CrcShape, exponent: bigint): bigint {
  let result = 1n << (shape.width - 1n);
  let square = 1n << (shape.width - 2n);
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = multiply(shape, result, square);
    square = multiply(shape, square, square);
  }
  return result;
}
