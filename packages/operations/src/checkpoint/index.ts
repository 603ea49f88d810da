export { chosenManifest } from './choose.ts';
export { deleteFromFolder, judgeFolder } from './cleanup-folder.ts';
export { judgeRun, pruneRun } from './cleanup-run.ts';
export { lookIntoFolder, pickFromFolder } from './folder-checkpoints.ts';
export { folderMeant } from './place.ts';
export { lookAtCheckpoint, pullCheckpoint, type PullOptions } from './pull.ts';
export { localResume } from './resume-here.ts';
export { checkpointsOfRun, pickFromRun, verifyOfRun, type RunCheckpoint } from './run-checkpoints.ts';
export { saveNow, type SaveResult } from './save.ts';
