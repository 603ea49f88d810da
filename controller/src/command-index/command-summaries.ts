import type { CommandSummaries } from '../catalog/command-entry.ts';
import { commandIndex } from './command-index.ts';

/** What the overview shows. The build replaces it by the data alone, so that the overview loads nothing else. */
export const commandSummaries: CommandSummaries = commandIndex;
