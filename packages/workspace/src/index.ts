export { scriptInterpreter } from './interpreter.ts';
export * from './project.ts';
export { projectFiles } from './project-files.ts';
export * from './snapshot.ts';
export { type AskedStart, findStart, type Start, type StartWords } from './start/start.ts';
export * from './unpack.ts';
