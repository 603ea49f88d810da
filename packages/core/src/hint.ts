/** A command of runctl that a text for people names, such as `runctl checkpoint list r-abc`. */
export interface CommandMention {
  /** The command's own words: `checkpoint list`. */
  readonly path: string;
  /** What stands behind them, each as the program would get it. */
  readonly args: readonly string[];
}

/**
 * What a person can do about an error: text, or text with commands in it. Who prints it adds to each command what the person's
 * own command line needed (`--sandbox`, `--bucket`, …), so that it can be pasted.
 */
export type Hint = string | readonly (string | CommandMention)[];

/** Names a command in a hint: `command('checkpoint list', run)`. A test holds that such a command and its options exist. */
export function command(path: string, ...args: readonly string[]): CommandMention {
  return { path, args };
}

/** The hint as text. `write` words a command; without it a command has nothing added. */
export function hintText(hint: Hint, write: (mention: CommandMention) => string = commandText): string {
  if (typeof hint === 'string') return hint;
  return hint.map((part) => (typeof part === 'string' ? part : `\`${write(part)}\``)).join('');
}

/** Both hints in one sentence each; a missing one adds nothing. */
export function joinedHints(first: Hint, second: Hint | undefined): Hint {
  if (second === undefined) return first;
  const parts = (hint: Hint): readonly (string | CommandMention)[] => (typeof hint === 'string' ? [hint] : hint);
  return [...parts(first), '; ', ...parts(second)];
}

/** The command as it is typed in a shell. */
export function commandText({ path, args }: CommandMention): string {
  return ['runctl', path, ...args.map(shellWord)].join(' ');
}

/** The word in single quotes if a shell would take it apart. */
export function shellWord(word: string): string {
  return /^[\w@%+=:,./…-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
