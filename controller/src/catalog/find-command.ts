import type { CommandEntry, CommandIndex } from './command-entry.ts';

/** Where the words of a command line lead. */
export type Destination =
  | { readonly kind: 'command'; readonly entry: CommandEntry }
  /** The words end where a command's next word is missing; no words at all end at the root. */
  | { readonly kind: 'group'; readonly path: readonly string[] }
  /** `word` stands where none of the commands that begin with `path` goes on. */
  | { readonly kind: 'unknown'; readonly path: readonly string[]; readonly word: string };

/** Follows a command line from its first word on; the longest command that it names counts. */
export function destinationOf(index: CommandIndex, argv: readonly string[]): Destination {
  const words = leadingWords(argv);
  let length = 0;
  while (length < words.length && nextWords(index, words.slice(0, length)).includes(words[length] ?? '')) length++;
  for (let end = length; end > 0; end--) {
    const entry = entryAt(index, words.slice(0, end));
    if (entry !== null) return { kind: 'command', entry };
  }
  const path = words.slice(0, length);
  const word = words[length];
  return word === undefined ? { kind: 'group', path } : { kind: 'unknown', path, word };
}

/** Words before the first option: a command's path comes first. */
export function leadingWords(argv: readonly string[]): readonly string[] {
  const end = argv.findIndex((token) => token.startsWith('-'));
  return end === -1 ? argv : argv.slice(0, end);
}

export function entryAt(index: CommandIndex, path: readonly string[]): CommandEntry | null {
  return index.commands.find((entry) => entry.path.join(' ') === path.join(' ')) ?? null;
}

/** What can stand behind these words, hidden commands included, each once. */
export function nextWords(index: CommandIndex, path: readonly string[]): readonly string[] {
  return wordsAfter(index.commands, path);
}

/** The same without what is hidden: for suggestions. */
export function shownNextWords(index: CommandIndex, path: readonly string[]): readonly string[] {
  return wordsAfter(shownBelow(index, path), path);
}

/** Commands whose path begins with these words and goes on, without hidden ones. */
export function shownBelow(index: CommandIndex, path: readonly string[]): readonly CommandEntry[] {
  return below(index.commands, path).filter((entry) => !entry.hidden);
}

function below(commands: readonly CommandEntry[], path: readonly string[]): readonly CommandEntry[] {
  return commands.filter(
    (entry) => entry.path.length > path.length && path.every((word, at) => entry.path[at] === word),
  );
}

function wordsAfter(commands: readonly CommandEntry[], path: readonly string[]): readonly string[] {
  return [...new Set(below(commands, path).map((entry) => entry.path[path.length] ?? ''))];
}
