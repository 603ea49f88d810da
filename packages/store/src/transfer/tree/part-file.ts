import { createHash } from 'node:crypto';
import { basename, dirname, join } from 'node:path';

const PART = '.runctl-part';
const JOURNAL = '.runctl-journal';

/** Where a download stands until it is whole, and the record of its parts that are there. Beside the target. */
export function partFileOf(target: string): { readonly part: string; readonly journal: string } {
  const name = basename(target);
  // A name with the ending on must still be one that the file system takes.
  const short = Buffer.byteLength(name) <= 200 ? name : createHash('sha256').update(name).digest('hex');
  const at = join(dirname(target), `.${short}`);
  return { part: at + PART, journal: at + JOURNAL };
}

/** Files of downloads under way are nobody's content. */
export function isPartFile(path: string): boolean {
  return path.endsWith(PART) || path.endsWith(JOURNAL);
}
