import type { CommandDetails } from '../catalog/command-entry.ts';
import { readCommands } from './read-commands.ts';

const { commands } = await readCommands([`${import.meta.dirname}/../commands`]);

/** Arguments and options of every command. The build replaces it as it does the index; only completion loads it. */
export const commandDetails: readonly CommandDetails[] = commands.map(({ details }) => details);
