import type { CommandIndex } from '../catalog/command-entry.ts';
import { readCommands } from './read-commands.ts';

const { commands, groups } = await readCommands([`${import.meta.dirname}/../commands`]);

/**
 * Every command without its code, from what `commands/` holds. In the bundle the build puts what it has read in the place of
 * this module, so that a start reads no folder and loads one command at most.
 */
export const commandIndex: CommandIndex = {
  commands: commands.map(({ summary, commandClass }) => ({ ...summary, load: () => Promise.resolve(commandClass) })),
  groups,
};
