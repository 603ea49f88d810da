export const packageName = '@runctl/store';
