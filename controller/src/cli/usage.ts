import { RunctlError, messageOf, nearest } from '@runctl/core';
import { commandTable } from './command-table.ts';

/** Says which word is wrong and names the nearest command. */
export function unknownCommand(argv: readonly string[]): RunctlError {
  const first = argv[0] ?? '';
  if (first.startsWith('-'))
    return new RunctlError('usage', `the command must come first, before ${first}`, {
      hint: 'runctl --help lists the commands',
    });
  const group = commandTable.filter((entry) => entry.path[0] === first && entry.path.length > 1);
  const words = group.length > 0 ? group.map((entry) => entry.path.join(' ')) : allWords();
  const given = group.length > 0 ? argv.slice(0, 2).join(' ') : first;
  const close = nearest(given, words);
  const known =
    group.length > 0 ? group.filter((entry) => entry.hidden !== true).map((entry) => entry.path.join(' ')) : null;
  return new RunctlError(
    'usage',
    group.length > 0 && argv.length < 2 ? `${first} needs a subcommand` : `there is no command "${given}"`,
    {
      hint: hintOf(argv.length < 2 && group.length > 0 ? null : close, known),
    },
  );
}

function hintOf(close: string | null, known: readonly string[] | null): string {
  if (close !== null) return `did you mean \`runctl ${close}\`?`;
  return known === null ? 'runctl --help lists the commands' : `one of: ${known.join(', ')}`;
}

function allWords(): string[] {
  return commandTable
    .filter((entry) => entry.hidden !== true)
    .flatMap((entry) => [entry.path.join(' '), entry.path[0] ?? '']);
}

/** What clipanion could not parse, worded so that the slip is named. */
export function usageError(
  error: unknown,
  given: {
    readonly argv: readonly string[];
    readonly path: readonly string[];
    /** Names of the command's options. */
    readonly options: readonly string[];
  },
): RunctlError {
  const { argv, path, options } = given;
  const help = `runctl ${path.join(' ')} --help`;
  const end = argv.indexOf('--');
  const own = (end === -1 ? argv : argv.slice(0, end)).slice(path.length);
  const unknown = own.find(
    (token) =>
      /^--?[a-zA-Z]/.test(token) &&
      !options.includes((token.split('=')[0] ?? '').replace(/^--no-/, '--')) &&
      !options.includes(token.split('=')[0] ?? ''),
  );
  if (unknown !== undefined) {
    const name = unknown.split('=')[0] ?? unknown;
    const close = nearest(
      name,
      options.filter((option) => option.startsWith('--')),
    );
    const suggestion = close === null ? help : `did you mean ${close}?`;
    const forScript = path[0] === 'launch' || path[0] === 'drill' ? " (the script's own options come after --)" : '';
    return new RunctlError('usage', `unknown option ${name}`, { hint: `${suggestion}${forScript}` });
  }
  const text = messageOf(error).split('\n')[0] ?? '';
  return new RunctlError('usage', wording(text, path, lackingArgument(error, own)), { hint: help });
}

/** The first positional argument that is missing, as the command calls it: clipanion shows the usage below its error. */
function lackingArgument(error: unknown, own: readonly string[]): string | null {
  const names = [...messageOf(error).matchAll(/<([\w-]+)>/g)].map((match) => match[1] ?? '');
  return names.length === 1 && own.every((token) => token.startsWith('-')) ? (names[0] ?? null) : null;
}

function wording(text: string, path: readonly string[], lacks: string | null): string {
  const lacking = /Not enough arguments to option (-[\w-]+)/.exec(text)?.[1];
  if (lacking !== undefined) return `${lacking} needs a value`;
  if (/Not enough positional arguments/.test(text))
    return lacks === null ? `${path.join(' ')} needs another argument` : `${path.join(' ')} needs a ${lacks}`;
  if (/Extraneous positional argument \("(.*)"\)/.test(text))
    return `unexpected argument ${/\("(.*)"\)/.exec(text)?.[1]}`;
  if (/^Command not found|Extraneous/.test(text)) return `too many arguments for ${path.join(' ')}`;
  return text.replace(/^(Unknown Syntax|Usage) Error:? */, '');
}
