/** Block size of tar (POSIX.1-2017, pax interchange format). */
export const BLOCK = 512;

export type TarEntryType = 'file' | 'link' | 'folder' | 'pax' | 'global' | 'long-name' | 'other';

const TYPE_FLAGS: Readonly<Record<string, TarEntryType>> = {
  '\0': 'file',
  '0': 'file',
  '2': 'link',
  '5': 'folder',
  x: 'pax',
  g: 'global',
  L: 'long-name',
};

export interface TarHeader {
  readonly path: string;
  readonly type: TarEntryType;
  readonly mode: number;
  readonly sizeBytes: number;
  readonly linkTarget: string;
}

/** One date for every file, so that equal trees make equal archives; after 1980, which zip needs. */
const FIXED_MTIME_S = 946_684_800;
const LARGEST_OCTAL = 8 ** 11;

/** Header blocks of one entry: ustar, with a pax record in front where ustar can't say it. */
export function encodeHeader(entry: {
  readonly path: string;
  readonly mode: number;
  readonly sizeBytes: number;
  readonly linkTarget?: string | undefined;
  /** A folder, whose path ends with `/`. */
  readonly isFolder?: boolean;
}): Buffer {
  const records: Record<string, string> = {};
  if (!fits(entry.path)) records['path'] = entry.path;
  if (entry.linkTarget !== undefined && !fits(entry.linkTarget)) records['linkpath'] = entry.linkTarget;
  if (entry.sizeBytes >= LARGEST_OCTAL) records['size'] = String(entry.sizeBytes);
  const main = block({
    path: ascii(entry.path),
    mode: entry.mode,
    sizeBytes: Math.min(entry.sizeBytes, LARGEST_OCTAL - 1),
    flag: entry.isFolder === true ? '5' : entry.linkTarget === undefined ? '0' : '2',
    linkTarget: ascii(entry.linkTarget ?? ''),
  });
  if (Object.keys(records).length === 0) return main;
  const body = Buffer.concat(Object.entries(records).map(([key, value]) => paxRecord(key, value)));
  const pax = block({ path: 'PaxHeader', mode: 0o644, sizeBytes: body.length, flag: 'x', linkTarget: '' });
  return Buffer.concat([pax, body, padding(body.length), main]);
}

/** Zeros that fill the last block of a body. */
export function padding(sizeBytes: number): Buffer {
  return Buffer.alloc((BLOCK - (sizeBytes % BLOCK)) % BLOCK);
}

function fits(name: string): boolean {
  return name.length <= 100 && /^[\x20-\x7e]*$/.test(name);
}

function ascii(name: string): string {
  return name.replaceAll(/[^\x20-\x7e]/g, '_').slice(0, 100);
}

function block(header: { path: string; mode: number; sizeBytes: number; flag: string; linkTarget: string }): Buffer {
  const bytes = Buffer.alloc(BLOCK);
  const octal = (value: number, at: number, width: number): void => {
    bytes.write(value.toString(8).padStart(width - 1, '0'), at, 'latin1');
  };
  bytes.write(header.path, 0, 100, 'latin1');
  octal(header.mode, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(header.sizeBytes, 124, 12);
  octal(FIXED_MTIME_S, 136, 12);
  bytes.write(' '.repeat(8), 148, 'latin1');
  bytes.write(header.flag, 156, 'latin1');
  bytes.write(header.linkTarget, 157, 100, 'latin1');
  bytes.write('ustar\0', 257, 'latin1');
  bytes.write('00', 263, 'latin1');
  bytes.write(`${checksum(bytes).toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return bytes;
}

/** Sum of the block's bytes with the checksum's own field taken as spaces. */
function checksum(bytes: Buffer): number {
  let sum = 0;
  for (let i = 0; i < BLOCK; i++) sum += i >= 148 && i < 156 ? 32 : (bytes[i] ?? 0);
  return sum;
}

/** `<length> <key>=<value>\n`, where the length counts itself. */
function paxRecord(key: string, value: string): Buffer {
  const rest = Buffer.byteLength(` ${key}=${value}\n`);
  let length = rest + String(rest).length;
  if (String(length).length > String(rest).length) length = rest + String(length).length;
  return Buffer.from(`${length} ${key}=${value}\n`);
}

/** The header in a block; null for the zero block that ends an archive; throws when the checksum is wrong. */
export function decodeHeader(bytes: Buffer): TarHeader | null {
  if (bytes.every((byte) => byte === 0)) return null;
  const text = (at: number, width: number): string => {
    const field = bytes.subarray(at, at + width);
    const end = field.indexOf(0);
    return field.subarray(0, end === -1 ? width : end).toString('utf8');
  };
  const octal = (at: number, width: number): number => Number.parseInt(text(at, width).trim() || '0', 8);
  if (octal(148, 8) !== checksum(bytes)) throw new Error('the archive is damaged: a header has a wrong checksum');
  const prefix = text(257, 5) === 'ustar' ? text(345, 155) : '';
  const name = text(0, 100);
  return {
    path: prefix === '' ? name : `${prefix}/${name}`,
    type: TYPE_FLAGS[String.fromCharCode(bytes[156] ?? 0)] ?? 'other',
    mode: octal(100, 8),
    sizeBytes: octal(124, 12),
    linkTarget: text(157, 100),
  };
}

/** The records of a pax body. */
export function decodePax(body: Buffer): Readonly<Record<string, string>> {
  const records: Record<string, string> = {};
  for (let at = 0; at < body.length;) {
    const space = body.indexOf(0x20, at);
    const length = space === -1 ? Number.NaN : Number(body.subarray(at, space).toString('latin1'));
    if (!Number.isInteger(length) || length <= space - at || at + length > body.length)
      throw new Error('the archive is damaged: a pax record has a wrong length');
    const record = body.subarray(space + 1, at + length - 1).toString('utf8');
    const equals = record.indexOf('=');
    if (equals > 0) records[record.slice(0, equals)] = record.slice(equals + 1);
    at += length;
  }
  return records;
}
