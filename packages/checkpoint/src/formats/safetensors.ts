import { type FileBytes, type StructureFinding, torn, whole } from './finding.ts';

const LENGTH_BYTES = 8;
/** The format's own limit (safetensors/src/tensor.rs, MAX_HEADER_SIZE). */
const LONGEST_HEADER_BYTES = 100_000_000;

/** https://github.com/huggingface/safetensors#format: u64 length, JSON header, data up to the largest offset. */
export async function safetensorsStructure(file: FileBytes): Promise<StructureFinding> {
  const head = await file.read(0, LENGTH_BYTES);
  if (head.length < LENGTH_BYTES) return torn('safetensors header is missing');
  const headerBytes = Number(head.readBigUInt64LE());
  if (headerBytes > Math.min(file.sizeBytes - LENGTH_BYTES, LONGEST_HEADER_BYTES))
    return torn('safetensors header is cut off');
  const dataBytes = dataBytesOf((await file.read(LENGTH_BYTES, headerBytes)).toString('utf8'));
  if (dataBytes === null) return torn('safetensors header is broken');
  const expected = LENGTH_BYTES + headerBytes + dataBytes;
  return expected === file.sizeBytes
    ? whole('safetensors length is right')
    : torn(`safetensors should have ${expected} bytes and has ${file.sizeBytes}`);
}

function dataBytesOf(header: string): number | null {
  try {
    const tensors: unknown = JSON.parse(header);
    if (typeof tensors !== 'object' || tensors === null || Array.isArray(tensors)) return null;
    let end = 0;
    for (const [name, tensor] of Object.entries(tensors)) {
      if (name === '__metadata__') continue;
      const offsets = (tensor as { data_offsets?: unknown } | null)?.data_offsets;
      const last: unknown = Array.isArray(offsets) ? offsets[1] : undefined;
      if (typeof last !== 'number' || !Number.isSafeInteger(last) || last < 0) return null;
      end = Math.max(end, last);
    }
    return end;
  } catch {
    return null;
  }
}
