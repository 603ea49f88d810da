import { required, type RunctlError } from '@runctl/core';
import { Cli, type CommandClass, type Definition } from 'clipanion';
import type { CommandContext } from '../options/context.ts';
import type { CommandEntry } from '../catalog/command-entry.ts';
import { destinationOf, shownBelow, type Destination } from '../catalog/find-command.ts';
import { exitCodeOf, renderError } from '../render/error.ts';
import { commandHelp } from '../render/command-help.ts';
import { groupHelp, overview } from '../render/help.ts';
import { RunctlCommand } from '../options/command.ts';
import { optionsOf, type ListedOption } from '../options/declaration/options-of.ts';
import { commandDetailsOf, withWords } from '../command-index/command-details-of.ts';
import { beforeDashes, behindDashes, joinedValues } from './joined-values.ts';
import { incompleteCommand, optionFirst, unknownCommand } from './unknown-command.ts';
import { usageError } from './usage.ts';

/** Runs one command line and resolves with its exit code; never rejects, never exits. */
export async function runCli(typed: readonly string[], context: CommandContext): Promise<number> {
  const argv = typed[0] === 'help' ? [...typed.slice(1), '--help'] : typed;
  const destination = destinationOf(context.commands, argv);
  if (destination.kind === 'command') return runEntry(destination.entry, argv, context);
  const error = lost(destination, argv, context);
  if (error !== null) return refuse(error, argv, context);
  context.stdout.write(groupText(destination.path, context));
  return asksForHelp(argv) ? 0 : 2;
}

async function runEntry(entry: CommandEntry, argv: readonly string[], context: CommandContext): Promise<number> {
  const cli = new Cli<CommandContext>({
    binaryName: 'runctl',
    binaryVersion: context.version,
    enableColors: context.colour,
  });
  const commandClass = await entry.load();
  // Every class is one of ours: the index is read from `commands/`.
  cli.register(commandClass as CommandClass<CommandContext>);
  const definition = definitionOf(cli);
  if (asksForHelp(argv)) {
    context.stdout.write(commandHelp(withWords(commandClass, definition), helpOptions(commandClass)));
    return 0;
  }
  const details = commandDetailsOf(entry.path, commandClass, definition);
  const itsContext = { ...context, behindDashes: behindDashes(argv) };
  const words = joinedValues(argv, details);
  let command;
  try {
    command = cli.process(words, itsContext);
  } catch (error) {
    return refuse(usageError(error, words, details), argv, context);
  }
  return cli.run(command, itsContext);
}

/** Options of a command apart from those that every command has. */
function helpOptions(commandClass: CommandClass): Record<'own' | 'everywhere', readonly ListedOption[]> {
  class Bare extends RunctlCommand {
    protected run = (): Promise<number> => Promise.resolve(0);
  }
  const everywhere = optionsOf(Bare);
  const shared = new Set(everywhere.flatMap(({ flags }) => flags));
  return { own: optionsOf(commandClass).filter(({ flags }) => !flags.some((flag) => shared.has(flag))), everywhere };
}

/** What is wrong with a command line that leads to no command; null where the commands there are shown. */
function lost(
  destination: Exclude<Destination, { kind: 'command' }>,
  argv: readonly string[],
  { commands }: CommandContext,
): RunctlError | null {
  const { path } = destination;
  if (destination.kind === 'unknown') return unknownCommand(commands, { argv, path, word: destination.word });
  if (asksForHelp(argv)) return null;
  const option = argv[0];
  if (option?.startsWith('-') === true) return optionFirst(option);
  return path.length > 0 && wantsJson(argv) ? incompleteCommand(commands, path) : null;
}

function groupText(path: readonly string[], { commands, version }: CommandContext): string {
  if (path.length === 0) return overview(commands, version);
  return groupHelp(path, shownBelow(commands, path), commands.groups[path.join(' ')]?.summary ?? '');
}

function refuse(error: RunctlError, argv: readonly string[], { stderr, colour }: CommandContext): number {
  stderr.write(renderError(error, { json: wantsJson(argv), verbose: argv.includes('--verbose'), colour }));
  return exitCodeOf(error);
}

/** Exactly one command is registered at a time; it has a `usage`, without which clipanion would not list it. */
function definitionOf(cli: Cli<CommandContext>): Definition {
  return required(cli.definitions()[0], 'definition of the command');
}

function asksForHelp(argv: readonly string[]): boolean {
  return beforeDashes(argv).some((token) => token === '--help' || token === '-h');
}

function wantsJson(argv: readonly string[]): boolean {
  const own = beforeDashes(argv);
  return own.some(
    (token, at) => token === '--json' || token === '--output=json' || (token === '--output' && own[at + 1] === 'json'),
  );
}
