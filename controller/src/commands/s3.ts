import type { CommandGroup } from '../catalog/command-entry.ts';

export const s3Group: CommandGroup = { section: 'data', summary: 'Files and folders in a bucket' };
