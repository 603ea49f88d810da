export { endHopeless } from './end-hopeless.ts';
export { resumeRun } from './resume-run.ts';
