export * from './project.ts';
export * from './snapshot.ts';
export * from './unpack.ts';
