export const packageName = '@runctl/workspace';
