export const packageName = '@runctl/sandbox';
