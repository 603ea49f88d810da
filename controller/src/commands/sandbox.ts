import type { CommandGroup } from '../catalog/command-entry.ts';

export const sandboxGroup: CommandGroup = { section: 'rehearsal', summary: 'The local cloud' };
