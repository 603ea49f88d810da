export const packageName = '@runctl/checkpoint';
