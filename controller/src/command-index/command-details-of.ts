import type { CommandClass, Definition } from 'clipanion';
import type { CommandDetails } from '../catalog/command-entry.ts';
import { optionsOf } from '../options/declaration/options-of.ts';

/** Arguments and options of a command, from its class and what clipanion knows of it. */
export function commandDetailsOf(
  path: readonly string[],
  commandClass: CommandClass,
  definition: Definition,
): CommandDetails {
  const options = optionsOf(commandClass).map(({ flags, valueName, values, repeatable, help, hidden }) => ({
    flags,
    valueName,
    values,
    repeatable,
    help,
    hidden,
  }));
  return { path: path.join(' '), ...argumentsIn(definition), options };
}

/** The arguments that a usage such as `runctl transfer <SOURCE> <DESTINATION>` names. */
function argumentsIn({ usage }: Definition): Pick<CommandDetails, 'args' | 'takesRest'> {
  return {
    args: [...usage.matchAll(/<([^>]+)>|\[([^\]]+)\]/g)].map((match) => match[1] ?? match[2] ?? ''),
    takesRest: usage.includes('...'),
  };
}
