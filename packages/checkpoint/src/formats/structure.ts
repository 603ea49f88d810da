import { extname } from 'node:path';
import { type FileBytes, type StructureFinding, torn, unknown } from './finding.ts';
import { HDF5_MAGIC, hdf5Structure } from './hdf5.ts';
import { jsonStructure } from './json.ts';
import { safetensorsStructure } from './safetensors.ts';
import { ubjsonStructure } from './ubjson.ts';
import { zipStructure } from './zip.ts';

export type { FileBytes, StructureFinding } from './finding.ts';

const ZIP_NAMES = new Set(['.keras', '.npz', '.zip']);
const ZIP_MAGIC = Buffer.from('PK\u0003\u0004', 'latin1');
const HEAD_BYTES = 48;
const UNKNOWN = unknown('format unknown');

const MODEL_NAMES = new Set(['.pt', '.pth', '.ckpt', '.bin', '.h5', '.pkl', '.pickle', '.msgpack', '.npy', '.distcp']);

/**
 * What the format of a file says about its being whole. Reads ends and headers, JSON up to 16 MiB, of UBJSON all but the
 * arrays; never more at once than the file has, whatever sizes stand in it.
 */
export async function structureOf(name: string, file: FileBytes): Promise<StructureFinding> {
  const extension = extname(name).toLowerCase();
  if (extension === '.json') return jsonStructure(file);
  if (extension === '.safetensors') return safetensorsStructure(file);
  if (extension === '.ubj') return ubjsonStructure(file);
  const head = await file.read(0, HEAD_BYTES);
  if (MODEL_NAMES.has(extension) && isCutOffIn(head, ZIP_MAGIC, HDF5_MAGIC))
    return torn(head.length === 0 ? 'empty' : 'cut off');
  if (head.subarray(0, 2).toString('latin1') === 'PK') return zipped(extension, await zipStructure(file));
  if (ZIP_NAMES.has(extension)) return torn('does not begin as a zip file does');
  if (head.subarray(0, HDF5_MAGIC.length).equals(HDF5_MAGIC)) return hdf5Structure(file, head);
  return UNKNOWN;
}

/** Whether a file ends within the bytes with which a format begins. */
function isCutOffIn(head: Buffer, ...magics: readonly Buffer[]): boolean {
  return magics.some((magic) => head.length < magic.length && head.equals(magic.subarray(0, head.length)));
}

/** A shard of torch.distributed.checkpoint is one archive for each tensor: that the last is whole proves nothing of the rest. */
function zipped(extension: string, finding: StructureFinding): StructureFinding {
  return extension === '.distcp' && finding.verdict === 'whole' ? unknown('last zip archive in it is whole') : finding;
}
