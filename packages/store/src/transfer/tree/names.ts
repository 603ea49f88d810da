/** What a folder can hold; told by trying (`rulesOf`), since one machine may have file systems of several kinds. */
export interface FolderRules {
  readonly caseSensitive: boolean;
  /** Windows refuses some characters, names of devices, and dots or blanks at the end of a name. */
  readonly windowsNames: boolean;
}

/** S3 User Guide, "Naming Amazon S3 objects". */
const LONGEST_KEY_BYTES = 1024;
/** NAME_MAX of the file systems in use. */
const LONGEST_NAME_BYTES = 255;

/**
 * Why a relative path can't be carried between a folder and a bucket, in words; null when it can. Backslashes are refused
 * wherever they are met: on another system they separate folders, and could lead out of this one.
 */
export function pathProblem(path: string): string | null {
  if (path === '') return 'its name is empty';
  if (!path.isWellFormed()) return 'its name is no valid Unicode';
  if (path.includes('\0')) return 'its name holds a NUL character';
  if (path.includes('\\')) return 'its name holds a backslash';
  if (path.startsWith('/')) return 'its name is an absolute path';
  const segments = path.split('/');
  if (segments.includes('')) return 'its name has an empty part';
  if (segments.some((segment) => segment === '.' || segment === '..'))
    return 'its name has a part "." or "..", which could lead out of the folder';
  return null;
}

/** Why no object can have this key; null when one can. */
export function keyProblem(key: string): string | null {
  const bytes = Buffer.byteLength(key);
  return bytes > LONGEST_KEY_BYTES ? `its key would have ${bytes} bytes; S3 allows ${LONGEST_KEY_BYTES}` : null;
}

/** Why a folder with these rules can't hold the path by itself; null when it can. */
export function fileNameProblem(path: string, rules: FolderRules): string | null {
  for (const segment of path.split('/')) {
    if (Buffer.byteLength(segment) > LONGEST_NAME_BYTES)
      return `a name in it has more than ${LONGEST_NAME_BYTES} bytes`;
    if (!rules.windowsNames) continue;
    if (/[. ]$/.test(segment)) return `${JSON.stringify(segment)} ends with a dot or a blank, which Windows drops`;
    if (/[<>:"|?*]/.test(segment) || hasControlCharacter(segment))
      return `${JSON.stringify(segment)} holds a character that Windows refuses`;
    if (/^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i.test(segment)) return `${segment} names a device on Windows`;
  }
  return null;
}

function hasControlCharacter(text: string): boolean {
  return Array.from(text).some((character) => character < ' ');
}

export interface Refused {
  readonly path: string;
  /** For people. */
  readonly why: string;
}

/**
 * Of paths that are sound one by one, those that can't stand beside the ones before them: a file where another path needs
 * a folder, and names that the folder can't tell apart.
 */
export function collisions(paths: readonly string[], rules: FolderRules): readonly Refused[] {
  const refused: Refused[] = [];
  const folders = new Set(paths.flatMap(parentsOf));
  const spelled = new Map<string, string>();
  for (const path of paths) {
    if (folders.has(path)) {
      refused.push({ path, why: `it is a file, and a folder of the same name is needed for others` });
      continue;
    }
    const clash = rules.caseSensitive ? null : clashOf(path, spelled);
    if (clash === null) continue;
    refused.push({ path, why: `this folder can't tell it from ${clash}: the names differ only in case or accents` });
  }
  return refused;
}

/** The other spelling that stands in the way of a path or of a folder above it; else the spellings are remembered. */
function clashOf(path: string, spelled: Map<string, string>): string | null {
  const places = [...parentsOf(path), path];
  const other = places.map((place) => spelled.get(folded(place)) ?? place).find((seen, at) => seen !== places[at]);
  if (other !== undefined) return other;
  for (const place of places) spelled.set(folded(place), place);
  return null;
}

function folded(path: string): string {
  return path.normalize('NFC').toLowerCase();
}

/** `a`, `a/b` of `a/b/c`. */
export function parentsOf(path: string): readonly string[] {
  const segments = path.split('/');
  return segments.slice(1).map((_, index) => segments.slice(0, index + 1).join('/'));
}
