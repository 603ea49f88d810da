export const packageName = '@runctl/protocol';
