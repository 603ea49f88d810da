export type { BootRequest } from './boot/boot-request.ts';
export type * from './port/index.ts';
