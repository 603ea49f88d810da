import { isRunctlError, required } from '@runctl/core';
import { Cli, type Definition } from 'clipanion';
import { commandTable, type CommandEntry } from './command-table.ts';
import type { CommandContext } from '../options/context.ts';
import { overview } from './overview.ts';
import { exitCodeOf, renderError } from '../render/error.ts';
import { commandHelp, groupHelp, optionNames } from '../render/help.ts';
import { unknownCommand, usageError } from './usage.ts';

/** Runs one command line and resolves with its exit code; never rejects, never exits. */
export async function runCli(argv: readonly string[], context: CommandContext): Promise<number> {
  const rendering = { json: wantsJson(argv), verbose: argv.includes('--verbose'), colour: context.colour };
  const entry = findCommand(argv);
  if (entry === null) {
    if (argv.length === 0 || asksForHelp(argv)) {
      const group = commandTable.filter(({ path, hidden }) => path[0] === argv[0] && hidden !== true);
      context.stdout.write(group.length > 0 ? groupHelp(group) : overview(context.version));
      return argv.length === 0 ? 2 : 0;
    }
    const error = unknownCommand(argv);
    context.stderr.write(renderError(error, rendering));
    return exitCodeOf(error);
  }
  const commandClass = await entry.load();
  const cli = new Cli<CommandContext>({
    binaryName: 'runctl',
    binaryVersion: context.version,
    enableColors: context.colour,
  });
  cli.register(commandClass);
  if (asksForHelp(argv)) {
    context.stdout.write(commandHelp(definitionOf(cli), entry));
    return 0;
  }
  let command;
  try {
    command = cli.process(joinedValues(argv, definitionOf(cli)), context);
  } catch (error) {
    const shown = isRunctlError(error)
      ? error
      : usageError(error, { argv, path: entry.path, options: definitionOf(cli).options.flatMap(optionNames) });
    context.stderr.write(renderError(shown, rendering));
    return exitCodeOf(shown);
  }
  return cli.run(command, context);
}

/** Exactly one command is registered at a time; it has a `usage`, without which clipanion would not list it. */
function definitionOf(cli: Cli<CommandContext>): Definition {
  return required(cli.definitions()[0], 'definition of the command');
}

/** The entry whose path the command line begins with, the longest first; options in front of it are passed over. */
function findCommand(argv: readonly string[]): CommandEntry | null {
  const matches = commandTable.filter((entry) => entry.path.every((word, index) => argv[index] === word));
  return matches.sort((a, b) => b.path.length - a.path.length)[0] ?? null;
}

/**
 * `--option value` as `--option=value` where the value begins with a dash, which clipanion would take for an option:
 * `--resume-argument "--resume {path}"`. A word that is itself an option of the command stays one.
 */
function joinedValues(argv: readonly string[], definition: Definition): string[] {
  const names = definition.options.flatMap(optionNames);
  const taking = definition.options.filter((option) => option.definition.includes(' #')).flatMap(optionNames);
  const joined: string[] = [];
  const own = beforeDashes(argv);
  for (let at = 0; at < own.length; at++) {
    const word = own[at] ?? '';
    const next = own[at + 1] ?? '';
    const isValue = next.startsWith('-') && !names.includes(next.split('=')[0] ?? '');
    joined.push(word.startsWith('--') && taking.includes(word) && isValue ? `${word}=${own[++at] ?? ''}` : word);
  }
  return [...joined, ...argv.slice(own.length)];
}

function beforeDashes(argv: readonly string[]): readonly string[] {
  const end = argv.indexOf('--');
  return end === -1 ? argv : argv.slice(0, end);
}

function asksForHelp(argv: readonly string[]): boolean {
  return beforeDashes(argv).some((token) => token === '--help' || token === '-h');
}

function wantsJson(argv: readonly string[]): boolean {
  const own = beforeDashes(argv);
  return own.includes('--json') || own.includes('--output=json') || own[own.indexOf('--output') + 1] === 'json';
}
