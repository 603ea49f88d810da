import type { CommandGroup } from '../catalog/command-entry.ts';

export const checkpointGroup: CommandGroup = { section: 'data', summary: 'Checkpoints of a run or a folder' };
