export { createPassLoop } from './pass-loop.ts';
export { runCheckpoints } from './run-checkpoints.ts';
export { watchFolder } from './watch-folder.ts';
