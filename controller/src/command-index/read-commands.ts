import { Cli, Command, type CommandClass, type Definition } from 'clipanion';
import { required } from '@runctl/core';
import { readdirSync } from 'node:fs';
import { join, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import { sections, type CommandDetails, type CommandGroup, type CommandSummary } from '../catalog/command-entry.ts';
import { commandDetailsOf } from './command-details-of.ts';

/** A command with where its class stands. */
export interface ReadCommand {
  readonly summary: CommandSummary;
  readonly details: CommandDetails;
  readonly file: string;
  /** Name under which the file exports the class. */
  readonly exportedAs: string;
  readonly commandClass: CommandClass;
}

export interface ReadCommands {
  readonly commands: readonly ReadCommand[];
  readonly groups: Readonly<Record<string, CommandGroup>>;
}

/**
 * Reads all commands below the folders: the path of a file says the command's, `aws/ebs/attach.ts` is `aws ebs attach`. A file
 * that exports a `…Group` instead of a class tells what the commands in the folder of its name are about. Errors: one that
 * names the file and what is wrong in it.
 */
export async function readCommands(folders: readonly string[]): Promise<ReadCommands> {
  const commands: ReadCommand[] = [];
  const groups: Record<string, CommandGroup> = {};
  for (const folder of folders)
    for (const name of commandFiles(folder)) {
      const file = join(folder, name);
      const path = name.slice(0, -'.ts'.length).split(sep);
      const exported = (await import(pathToFileURL(file).href)) as Record<string, unknown>;
      const group = Object.keys(exported).find((key) => key.endsWith('Group'));
      if (group === undefined) commands.push(readCommand({ file, path }, exported));
      else groups[path.join(' ')] = exported[group] as CommandGroup;
    }
  assertEveryGroup(commands, groups);
  return { commands: commands.sort((a, b) => (pathText(a) < pathText(b) ? -1 : 1)), groups };
}

const pathText = ({ summary }: ReadCommand): string => summary.path.join(' ');

function commandFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
    .sort();
}

function readCommand(
  { file, path }: { readonly file: string; readonly path: readonly string[] },
  exported: Readonly<Record<string, unknown>>,
): ReadCommand {
  const classes = Object.entries(exported).filter(([, value]) => isCommandClass(value));
  const [exportedAs, commandClass] = classes[0] as [string, CommandClass & { readonly hidden?: boolean }];
  if (classes.length !== 1) throw new Error(`${file} exports ${classes.length} commands; a file is one command`);
  const definition = definitionOf(commandClass);
  if (definition.path !== `runctl ${path.join(' ')}`)
    throw new Error(`${file} says that it is \`${definition.path}\`; its path says \`runctl ${path.join(' ')}\``);
  const section = sectionOf(commandClass.usage?.category, { file, isNeeded: path.length === 1 });
  return {
    summary: {
      path,
      summary: firstClause(commandClass.usage?.description ?? ''),
      section,
      hidden: commandClass.hidden === true,
    },
    details: commandDetailsOf(path, commandClass, definition),
    file,
    exportedAs,
    commandClass,
  };
}

function isCommandClass(value: unknown): boolean {
  return typeof value === 'function' && value.prototype instanceof Command;
}

/** What clipanion knows of a command. It has a `usage`, without which clipanion would not list it. */
function definitionOf(commandClass: CommandClass): Definition {
  const cli = new Cli({ binaryName: 'runctl', enableColors: false });
  cli.register(commandClass);
  return required(cli.definitions()[0], 'usage of the command');
}

function sectionOf(
  category: string | undefined,
  { file, isNeeded }: { readonly file: string; readonly isNeeded: boolean },
): CommandSummary['section'] {
  if (category === undefined && !isNeeded) return null;
  if (category !== undefined && Object.hasOwn(sections, category)) return category as keyof typeof sections;
  throw new Error(`${file} needs a category in its usage: one of ${Object.keys(sections).join(', ')}`);
}

/** What an overview has room for. */
function firstClause(text: string): string {
  return (text.trim().split(/[.:;](?:\s|$)/)[0] ?? '').trim();
}

function assertEveryGroup(commands: readonly ReadCommand[], groups: Readonly<Record<string, CommandGroup>>): void {
  for (const { summary, file } of commands)
    for (let length = 1; length < summary.path.length; length++) {
      const group = summary.path.slice(0, length).join(' ');
      if (groups[group] === undefined)
        throw new Error(
          `${file} belongs to \`runctl ${group}\`; say in commands/${summary.path.slice(0, length).join('/')}.ts what that is`,
        );
    }
}
