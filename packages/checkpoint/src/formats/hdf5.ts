import { type FileBytes, type StructureFinding, torn, unknown } from './finding.ts';

export const HDF5_MAGIC = Buffer.from([0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a]);

/** The superblock holds the end-of-file address (HDF5 File Format, II.A). A file as long as that may still be unflushed. */
export function hdf5Structure(file: FileBytes, head: Buffer): StructureFinding {
  const version = head[8] ?? 0;
  const at = version < 2 ? 40 : 28;
  if (head.length < at + 8) return torn('HDF5 superblock is cut off');
  const expected = Number(head.readBigUInt64LE(at));
  return file.sizeBytes < expected
    ? torn(`HDF5 should have ${expected} bytes and has ${file.sizeBytes}`)
    : unknown('HDF5 length is right');
}
