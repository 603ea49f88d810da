export { endHopeless } from './end-hopeless.ts';
export { lookBefore, resumeRun, type KnownSpec } from './resume-run.ts';
