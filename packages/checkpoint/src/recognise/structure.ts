import { extname } from 'node:path';

/** Reads of one open file. Returns fewer bytes only at the file's end. */
export interface FileBytes {
  readonly sizeBytes: number;
  read(start: number, length: number): Promise<Buffer>;
}

/** `whole` and `torn` are proven by the file's own format; `unknown` formats tell nothing. */
export interface StructureFinding {
  readonly verdict: 'whole' | 'torn' | 'unknown';
  readonly evidence: string;
}

const JSON_LIMIT_BYTES = 64 * 1024 * 1024;
const ZIP_NAMES = new Set(['.keras', '.npz', '.zip']);
const UNKNOWN: StructureFinding = { verdict: 'unknown', evidence: 'format unknown' };

const whole = (evidence: string): StructureFinding => ({ verdict: 'whole', evidence });
const torn = (evidence: string): StructureFinding => ({ verdict: 'torn', evidence });

/** What the format of a file says about its being whole. Cheap: reads ends and headers, and JSON up to 64 MiB. */
export async function structureOf(name: string, file: FileBytes): Promise<StructureFinding> {
  const extension = extname(name).toLowerCase();
  if (extension === '.json') return jsonStructure(file);
  if (extension === '.safetensors') return safetensorsStructure(file);
  const head = await file.read(0, 48);
  if (head.subarray(0, 2).toString('latin1') === 'PK') return zipStructure(file);
  if (ZIP_NAMES.has(extension)) return torn('does not begin as a zip file does');
  if (head.subarray(0, 8).equals(HDF5_MAGIC)) return hdf5Structure(file, head);
  if (file.sizeBytes === 0 && MODEL_NAMES.has(extension)) return torn('empty');
  return UNKNOWN;
}

const MODEL_NAMES = new Set(['.pt', '.pth', '.ckpt', '.bin', '.h5', '.ubj', '.pkl', '.pickle', '.msgpack', '.npy']);

async function jsonStructure(file: FileBytes): Promise<StructureFinding> {
  if (file.sizeBytes > JSON_LIMIT_BYTES) return { verdict: 'unknown', evidence: 'JSON too large to parse' };
  const bytes = await file.read(0, file.sizeBytes);
  try {
    JSON.parse(withoutPythonNumbers(bytes.toString('utf8')));
    return whole('JSON parses');
  } catch {
    return torn('JSON ends too early or is broken');
  }
}

/** Python's json module writes NaN and Infinity, which JSON does not have: a loss that diverged must not look torn. */
function withoutPythonNumbers(text: string): string {
  return text.replace(/"(?:[^"\\]|\\.)*"|-?\b(?:NaN|Infinity)\b/gs, (token) => (token.startsWith('"') ? token : '0'));
}

/** https://github.com/huggingface/safetensors#format: u64 length, JSON header, data up to the largest offset. */
async function safetensorsStructure(file: FileBytes): Promise<StructureFinding> {
  const head = await file.read(0, 8);
  if (head.length < 8) return torn('safetensors header is missing');
  const headerBytes = Number(head.readBigUInt64LE());
  if (headerBytes > Math.min(file.sizeBytes - 8, JSON_LIMIT_BYTES)) return torn('safetensors header is cut off');
  try {
    const text = (await file.read(8, headerBytes)).toString('utf8');
    const header = JSON.parse(text) as Record<string, { data_offsets?: [number, number] } | undefined>;
    const dataEnd = Math.max(0, ...Object.values(header).map((tensor) => tensor?.data_offsets?.[1] ?? 0));
    const expected = 8 + headerBytes + dataEnd;
    return expected === file.sizeBytes
      ? whole('safetensors length is right')
      : torn(`safetensors should have ${expected} bytes and has ${file.sizeBytes}`);
  } catch {
    return torn('safetensors header is broken');
  }
}

const END_RECORD_BYTES = 22;
const LONGEST_COMMENT_BYTES = 0xffff;
const IN_ZIP64_RECORD = 0xffffffff;
const END_SIGNATURE = 0x06054b50;
const DIRECTORY_SIGNATURE = 0x02014b50;

/** The directory of a zip file, which torch.save and Keras write, stands at its end (APPNOTE.TXT 4.3.16). */
async function zipStructure(file: FileBytes): Promise<StructureFinding> {
  const tailBytes = Math.min(file.sizeBytes, END_RECORD_BYTES + LONGEST_COMMENT_BYTES);
  const tail = await file.read(file.sizeBytes - tailBytes, tailBytes);
  for (let at = tail.length - END_RECORD_BYTES; at >= 0; at--) {
    if (tail.readUInt32LE(at) !== END_SIGNATURE) continue;
    if (tail.readUInt16LE(at + 20) !== tail.length - at - END_RECORD_BYTES) continue;
    const [sizeBytes, start] = [tail.readUInt32LE(at + 12), tail.readUInt32LE(at + 16)];
    if (sizeBytes === IN_ZIP64_RECORD || start === IN_ZIP64_RECORD) return whole('zip64 directory is at the end');
    if (sizeBytes === 0) return whole('zip directory is empty and at the end');
    const directory = await file.read(start, 4);
    return directory.length === 4 && directory.readUInt32LE() === DIRECTORY_SIGNATURE
      ? whole('zip directory is at the end')
      : torn('zip directory is not where the file says');
  }
  return torn('zip directory is missing at the end');
}

const HDF5_MAGIC = Buffer.from([0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a]);

/** The superblock holds the end-of-file address (HDF5 File Format, II.A). A file as long as that may still be unflushed. */
function hdf5Structure(file: FileBytes, head: Buffer): StructureFinding {
  const version = head[8] ?? 0;
  const at = version < 2 ? 40 : 28;
  if (head.length < at + 8) return torn('HDF5 superblock is cut off');
  const expected = Number(head.readBigUInt64LE(at));
  return file.sizeBytes < expected ? torn(`HDF5 should have ${expected} bytes and has ${file.sizeBytes}`) : UNKNOWN;
}
