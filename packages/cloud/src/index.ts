export const packageName = '@runctl/cloud';
