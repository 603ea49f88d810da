export * from './fake-clock.ts';
export * from './forbidden-path.ts';
export * from './frozen-endpoint.ts';
export * from './recording-log.ts';
export * from './save-files.ts';
export * from './temporary-folder.ts';
