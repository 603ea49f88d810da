export { folderCleanup, runCleanup, type CheckpointCleanup } from './cleanup.ts';
export { lookIntoFolder, pickFromFolder } from './folder-checkpoints.ts';
export { folderMeant } from './place.ts';
export { lookAtCheckpoint, hasOutput, pullCheckpoint, type Pulled, type PullOptions } from './pull.ts';
export { keptOutputOf, pullOutput, type OutputPullOptions, type PulledOutput } from './pull-output.ts';
export { localResume } from './resume-here.ts';
export { checkpointsOfRun, pickFromRun, verifyOfRun, type RunCheckpoint } from './run-checkpoints.ts';
export { saveNow, type SaveResult } from './save.ts';
export { assertWhole } from './whole.ts';
