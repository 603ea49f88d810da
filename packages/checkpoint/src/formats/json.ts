import { type FileBytes, type StructureFinding, torn, unknown, whole } from './finding.ts';

const PARSED_BYTES = 16 * 1024 * 1024;
const TAIL_BYTES = 4096;

/** A text that parses is whole. One too large to parse is torn unless it ends as JSON does. */
export async function jsonStructure(file: FileBytes): Promise<StructureFinding> {
  if (file.sizeBytes > PARSED_BYTES) {
    const tail = await file.read(file.sizeBytes - TAIL_BYTES, TAIL_BYTES);
    const ends = /[}\]]\s*$/.test(tail.toString('latin1'));
    return ends ? unknown('JSON is too large to parse') : torn('JSON ends too early');
  }
  const text = (await file.read(0, file.sizeBytes)).toString('utf8');
  return parses(text) || parses(withoutPythonNumbers(text))
    ? whole('JSON parses')
    : torn('JSON ends too early or is broken');
}

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Python's json module writes NaN and Infinity, which JSON does not have: a loss that diverged must not look torn. */
function withoutPythonNumbers(text: string): string {
  return text.replace(/"(?:[^"\\]|\\.)*"|-?\b(?:NaN|Infinity)\b/gs, (token) => (token.startsWith('"') ? token : '0'));
}
