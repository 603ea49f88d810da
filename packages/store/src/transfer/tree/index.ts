export * from './checksums.ts';
export { DamagedObjectError, downloadFile, type Downloaded, OutsideError } from './download.ts';
export * from './local-tree.ts';
export * from './move-tree.ts';
export { partFileOf } from './part-file.ts';
export type { FolderRules, Refused } from './names.ts';
export * from './path-filter.ts';
export * from './plan.ts';
export * from './remote-tree.ts';
