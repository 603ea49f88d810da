import { type FileBytes, type StructureFinding, torn, unknown, whole } from './finding.ts';

const END_RECORD_BYTES = 22;
const LOCATOR_BYTES = 20;
const END64_BYTES = 56;
const LONGEST_COMMENT_BYTES = 0xffff;
const IN_ZIP64_RECORD = 0xffffffff;
const END_SIGNATURE = 0x06054b50;
const LOCATOR_SIGNATURE = 0x07064b50;
const END64_SIGNATURE = 0x06064b50;
const DIRECTORY_SIGNATURE = 0x02014b50;

/** Where the directory is: what the end record says, and where that record begins. */
interface DirectoryPlace {
  readonly sizeBytes: number;
  readonly start: number;
  readonly endsAt: number;
}

/**
 * The directory of a zip file, which torch.save and Keras write, stands at its end (APPNOTE.TXT 4.3.16; zip64: 4.3.14, 4.3.15),
 * right before the end record. A file that is several archives one after another, as the shards of torch.distributed.checkpoint
 * are, has offsets from the start of the last one: whether all are there it does not tell.
 */
export async function zipStructure(file: FileBytes): Promise<StructureFinding> {
  const place = await directoryOf(file);
  if (place === null) return torn('zip directory is missing at the end');
  if (place === 'broken') return torn('zip64 end record is not where the file says');
  if (place.sizeBytes === 0) return whole('zip directory is empty and at the end');
  const at = place.endsAt - place.sizeBytes;
  const signature = at < 0 ? Buffer.alloc(0) : await file.read(at, 4);
  if (signature.length < 4 || signature.readUInt32LE() !== DIRECTORY_SIGNATURE || place.start > at)
    return torn('zip directory is not where the file says');
  return place.start === at ? whole('zip directory is at the end') : unknown('last zip archive in it is whole');
}

async function directoryOf(file: FileBytes): Promise<DirectoryPlace | 'broken' | null> {
  const tailBytes = Math.min(file.sizeBytes, END_RECORD_BYTES + LONGEST_COMMENT_BYTES);
  const tailAt = file.sizeBytes - tailBytes;
  const tail = await file.read(tailAt, tailBytes);
  for (let at = tail.length - END_RECORD_BYTES; at >= 0; at--) {
    if (tail.readUInt32LE(at) !== END_SIGNATURE) continue;
    if (tail.readUInt16LE(at + 20) !== tail.length - at - END_RECORD_BYTES) continue;
    const [sizeBytes, start] = [tail.readUInt32LE(at + 12), tail.readUInt32LE(at + 16)];
    const endsAt = tailAt + at;
    const zip64 = await zip64Before(file, endsAt);
    if (zip64 !== null) return zip64;
    return sizeBytes === IN_ZIP64_RECORD || start === IN_ZIP64_RECORD ? 'broken' : { sizeBytes, start, endsAt };
  }
  return null;
}

/** The zip64 end record before the locator before the end record; null when there is no locator. */
async function zip64Before(file: FileBytes, endRecordAt: number): Promise<DirectoryPlace | 'broken' | null> {
  const at = endRecordAt - LOCATOR_BYTES;
  const locator = at < 0 ? Buffer.alloc(0) : await file.read(at, LOCATOR_BYTES);
  if (locator.length < LOCATOR_BYTES || locator.readUInt32LE() !== LOCATOR_SIGNATURE) return null;
  const recordAt = at - END64_BYTES;
  const record = recordAt < 0 ? Buffer.alloc(0) : await file.read(recordAt, END64_BYTES);
  if (record.length < END64_BYTES || record.readUInt32LE() !== END64_SIGNATURE) return 'broken';
  const sizeBytes = Number(record.readBigUInt64LE(40));
  return { sizeBytes, start: Number(record.readBigUInt64LE(48)), endsAt: recordAt };
}
