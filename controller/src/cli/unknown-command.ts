import { command, nearest, RunctlError, type Hint } from '@runctl/core';
import type { CommandIndex } from '../catalog/command-entry.ts';
import { entryAt, leadingWords, shownBelow, shownNextWords } from '../catalog/find-command.ts';
import { otherWords } from './other-words.ts';

/** Says which words lead nowhere, and what is near: our word for it, the slip mended, or what there is. Code `usage`. */
export function unknownCommand(
  index: CommandIndex,
  { argv, path, word }: { readonly argv: readonly string[]; readonly path: readonly string[]; readonly word: string },
): RunctlError {
  const given = [...path, word].join(' ');
  return new RunctlError('usage', `there is no command "${given}"`, {
    hint: asOtherWord(index, leadingWords(argv), given) ?? meant(index, leadingWords(argv)) ?? known(index, path),
  });
}

/** The answer to a word of other tools, unless it only stands before the group that has it: `list checkpoint`. */
function asOtherWord(index: CommandIndex, words: readonly string[], given: string): Hint | undefined {
  return swappedPath(index, words) === null ? otherWords[given.toLowerCase()] : undefined;
}

/** A group was named and none of its commands. Code `usage`. */
export function incompleteCommand(index: CommandIndex, path: readonly string[]): RunctlError {
  return new RunctlError('usage', `${path.join(' ')} needs a subcommand`, { hint: known(index, path) });
}

/** An option stands where the command belongs. Code `usage`. */
export function optionFirst(option: string): RunctlError {
  return new RunctlError('usage', `the command must come first, before ${option}`, { hint: listsAll });
}

const listsAll: Hint = [command('help'), ' lists the commands'];

function known(index: CommandIndex, path: readonly string[]): Hint {
  if (path.length === 0) return listsAll;
  return `one of: ${shownNextWords(index, path)
    .map((word) => [...path, word].join(' '))
    .join(', ')}`;
}

/** The command that was probably meant, with the arguments behind it. */
function meant(index: CommandIndex, words: readonly string[]): Hint | null {
  const path =
    joinedPath(index, words) ?? swappedPath(index, words) ?? mendedPath(index, words) ?? lastWordPath(index, words);
  if (path === null) return null;
  const { text, used } = path;
  return ['did you mean ', command(text, ...words.slice(used)), '?'];
}

/** A path that takes the place of the first `used` words. */
interface MeantPath {
  readonly text: string;
  readonly used: number;
}

/** `s3-upload` and `checkpoint_list`. */
function joinedPath(index: CommandIndex, [first = '']: readonly string[]): MeantPath | null {
  const parts = first.split(/[-_:./]/);
  return parts.length > 1 && isShown(index, parts) ? { text: parts.join(' '), used: 1 } : null;
}

/** `list checkpoint`. */
function swappedPath(index: CommandIndex, [first = '', second = '']: readonly string[]): MeantPath | null {
  return isShown(index, [second, first]) ? { text: `${second} ${first}`, used: 2 } : null;
}

/** Each word as it is or as the nearest that can stand there. */
function mendedPath(index: CommandIndex, words: readonly string[]): MeantPath | null {
  const path: string[] = [];
  for (const word of words) {
    const choices = shownNextWords(index, path);
    const next = choices.includes(word) ? word : nearWord(word, choices);
    if (next === null) break;
    path.push(next);
  }
  const given = words.slice(0, path.length);
  return path.length === 0 || path.join(' ') === given.join(' ') ? null : { text: path.join(' '), used: path.length };
}

function nearWord(word: string, choices: readonly string[]): string | null {
  const begun = choices.filter((choice) => word.length > 1 && choice.startsWith(word));
  return begun.length === 1 ? (begun[0] ?? null) : nearest(word.toLowerCase(), choices);
}

/** `upload` for `s3 upload`, where only one command ends in that word. */
function lastWordPath(index: CommandIndex, [first = '']: readonly string[]): MeantPath | null {
  const ending = shownBelow(index, []).filter((entry) => entry.path.length > 1 && entry.path.at(-1) === first);
  return ending.length === 1 ? { text: ending[0]?.path.join(' ') ?? '', used: 1 } : null;
}

function isShown(index: CommandIndex, path: readonly string[]): boolean {
  return entryAt(index, path)?.hidden === false;
}
