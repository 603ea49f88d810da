export { folderCleanup, runCleanup, type CheckpointCleanup } from './cleanup.ts';
export { lookIntoFolder, pickFromFolder } from './folder-checkpoints.ts';
export { folderMeant } from './place.ts';
export { lookAtCheckpoint, pullCheckpoint, type Pulled, type PullOptions } from './pull.ts';
export { localResume } from './resume-here.ts';
export { checkpointsOfRun, pickFromRun, verifyOfRun, type RunCheckpoint } from './run-checkpoints.ts';
export { saveNow, type SaveResult } from './save.ts';
export { assertWhole } from './whole.ts';
