import { isPlainKind } from '../formats/file-kinds.ts';
import { isSideFile, stepEntryOf, stepInName, topEntryOf } from './names.ts';

/** How many files bear each name once numbers are taken out of it. */
export type Shape = ReadonlyMap<string, number>;

interface NamedFile {
  readonly path: string;
}

/**
 * What `shapeOf` gave for a published checkpoint: a framework's folder or file is the checkpoint, of other sets the files that
 * bear a step, or all where none does. Null where it has only side files: a database tells nothing of how a save looks.
 */
export function shapeOfPublished(published: {
  readonly recogniser: string;
  readonly entry: string;
  readonly files: readonly NamedFile[];
}): Shape | null {
  const files = published.files.filter(({ path }) => !isSideFile(path));
  const inEntry = files.filter(({ path }) => path === published.entry || path.startsWith(`${published.entry}/`));
  if (!isPlainKind(published.recogniser) && inEntry.length > 0) return shapeOf(inEntry);
  const stepped = files.filter(({ path }) => stepInName(topEntryOf(path)) !== null);
  const below = stepped.length > 0 ? stepped : files.filter(({ path }) => stepEntryOf(path) !== null);
  return shapeOfSave(below.length > 0 ? below : files);
}

/** `shapeOf` without side files; null where nothing else is there. */
export function shapeOfSave(files: readonly NamedFile[]): Shape | null {
  const own = files.filter(({ path }) => !isSideFile(path));
  return own.length === 0 ? null : shapeOf(own);
}

/** The names of a checkpoint's files with numbers taken out, so that those of two steps can be compared. */
export function shapeOf(files: readonly NamedFile[]): Shape {
  const names = Map.groupBy(files, ({ path }) => path.replace(/\d+/g, '#'));
  return new Map(Array.from(names, ([name, { length }]) => [name, length]));
}

/** Whether a name in it has a number, as those of saves of one step have. */
export function isNumbered(shape: Shape): boolean {
  return Array.from(shape.keys()).some((name) => name.includes('#'));
}

/** A name, or how many of it, that a checkpoint lacks of what earlier ones had; null when it has all. */
export function missingFrom(present: Shape, expected: Shape | null): string | null {
  for (const [name, many] of expected ?? []) {
    const lacking = many - (present.get(name) ?? 0);
    if (lacking > 0) return many === 1 ? name : `${lacking} of ${many} ${name}`;
  }
  return null;
}
