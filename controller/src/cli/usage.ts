import { command, messageOf, nearest, RunctlError, type Hint } from '@runctl/core';
import type { CommandDetails } from '../catalog/command-entry.ts';

/** What could not be parsed, worded so that the slip is named; an error of ours is given back as it is. */
export function usageError(error: unknown, argv: readonly string[], details: CommandDetails): RunctlError {
  if (error instanceof RunctlError) return error;
  const end = argv.indexOf('--');
  const own = (end === -1 ? argv : argv.slice(0, end)).slice(details.path.split(' ').length);
  const text = messageOf(error).split('\n')[0] ?? '';
  const unknown =
    unknownOption(own, details) ?? /^Unsupported option name \("(--?[^"]+)"\)/.exec(syntaxError(text))?.[1];
  if (unknown !== undefined) return noSuchOption(unknown, details);
  return new RunctlError('usage', wording(text, { own, details }), {
    hint: [command(details.path, '--help'), ' shows what it takes'],
  });
}

function unknownOption(own: readonly string[], { options }: CommandDetails): string | undefined {
  const known = new Set(options.flatMap(({ flags }) => flags));
  const names = own.filter((token) => /^--?[a-zA-Z]/.test(token)).map((token) => token.split('=')[0] ?? token);
  return names.find((name) => !known.has(name) && !known.has(name.replace(/^--no-/, '--')));
}

function noSuchOption(name: string, { path, options }: CommandDetails): RunctlError {
  const shown = options.filter(({ hidden }) => !hidden).flatMap(({ flags }) => flags);
  const close = nearest(
    name.replace(/^-*(no-)?/, '--').toLowerCase(),
    shown.filter((flag) => flag.startsWith('--')),
  );
  const suggestion: Hint =
    close === null ? [command(path, '--help'), ' shows the options'] : [`did you mean ${close}?`];
  const forScript = path === 'launch' || path === 'drill' ? [" (the script's own options come after --)"] : [];
  return new RunctlError('usage', `unknown option ${name}`, { hint: [...suggestion, ...forScript] });
}

interface Parsed {
  /** The command line behind the command. */
  readonly own: readonly string[];
  readonly details: CommandDetails;
}

function wording(text: string, { own, details }: Parsed): string {
  const lacking = /Not enough arguments to option (-[\w-]+)/.exec(text)?.[1] ?? withoutValue(own, details);
  if (lacking !== undefined) return `${lacking} needs a value`;
  const given = argumentsOf(own, details);
  if (/Not enough positional arguments/.test(text)) {
    const lacks = details.args[given.length];
    return lacks === undefined ? `${details.path} needs another argument` : `${details.path} needs a ${lacks}`;
  }
  const extra = details.takesRest ? undefined : given[details.args.length];
  if (extra !== undefined) return `unexpected argument "${extra}"`;
  return syntaxError(text);
}

/** An option whose value is missing. A command that takes any words does not hear it from clipanion. */
function withoutValue(own: readonly string[], { options }: CommandDetails): string | undefined {
  const flags = options.flatMap((option) => option.flags);
  const valued = options.filter(({ valueName }) => valueName !== null).flatMap((option) => option.flags);
  return own.find((token, at) => {
    const next = own[at + 1];
    return valued.includes(token) && (next === undefined || flags.includes(next.split('=')[0] ?? ''));
  });
}

function syntaxError(text: string): string {
  return text.replace(/^(Unknown Syntax|Usage) Error:? */, '');
}

/** Arguments among words, without options and their values. */
function argumentsOf(own: readonly string[], { options }: CommandDetails): string[] {
  const taking = new Set(options.filter(({ valueName }) => valueName !== null).flatMap(({ flags }) => flags));
  return own.filter((token, at) => !token.startsWith('-') && !taking.has(own[at - 1] ?? ''));
}
