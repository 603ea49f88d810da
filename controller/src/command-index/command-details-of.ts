import type { CommandClass, Definition } from 'clipanion';
import type { CommandDetails } from '../catalog/command-entry.ts';
import { optionsOf } from '../options/declaration/options-of.ts';

/** Arguments and options of a command, from its class and what clipanion knows of it. */
export function commandDetailsOf(
  path: readonly string[],
  commandClass: CommandClass,
  definition: Definition,
): CommandDetails {
  const options = optionsOf(commandClass).map(
    ({ flags, writtenAlone, valueName, values, repeatable, help, hidden }) => ({
      flags,
      ...(writtenAlone === undefined ? {} : { writtenAlone }),
      valueName,
      values,
      repeatable,
      help,
      hidden,
    }),
  );
  const { words } = commandClass as WordedClass;
  const args = words === undefined ? argumentsIn(definition) : { args: words.args, takesRest: true };
  return { path: path.join(' '), ...args, options };
}

/** A command class that reads its words by itself: their usage, and the names of its arguments. */
type WordedClass = CommandClass & {
  readonly words?: { readonly usage: string; readonly args: readonly string[] };
};

/** The definition with the usage of such words, which clipanion knows as any words. */
export function withWords(commandClass: CommandClass, definition: Definition): Definition {
  const { words } = commandClass as WordedClass;
  return words === undefined ? definition : { ...definition, usage: definition.usage.replace('...', words.usage) };
}

/** The arguments that a usage such as `runctl transfer <SOURCE> <DESTINATION>` names. */
function argumentsIn({ usage }: Definition): Pick<CommandDetails, 'args' | 'takesRest'> {
  return {
    args: [...usage.matchAll(/<([^>]+)>|\[([^\]]+)\]/g)].map((match) => match[1] ?? match[2] ?? ''),
    takesRest: usage.includes('...'),
  };
}
