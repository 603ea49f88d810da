export { endHopeless } from './end-hopeless.ts';
export { endFailedBoot, endSilent } from './end-silent.ts';
export { lookBefore, resumeRun, type KnownSpec } from './resume-run.ts';
